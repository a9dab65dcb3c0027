const VALUES = { I: 1, V: 5, X: 10, L: 50, C: 100, D: 500, M: 1000 };

exports.roman = (text) =>
  [...text].reduce((sum, letter) => sum + VALUES[letter], 0) - (/I[VX]/.test(text) ? 2 : 0);
