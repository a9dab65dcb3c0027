exports.pages = (count, size) => Math.ceil(count / size);
exports.page = (items, number, size) => items.slice((number - 1) * size, number * size);
