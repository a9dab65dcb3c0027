import { rounded } from './money.js';

export const cart = (lines, discount) =>
  rounded(lines.reduce((sum, { price, count }) => sum + price * count * (1 - discount), 0));
