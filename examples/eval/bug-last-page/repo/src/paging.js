exports.pages = (count, size) => Math.floor(count / size);
exports.page = (items, number, size) => items.slice((number - 1) * size, number * size);
