exports.pages = (count, size) => Math.round(count / size);
exports.page = (items, number, size) => items.slice((number - 1) * size, number * size);
