import { rounded } from './money.js';

export const invoice = (lines, tax) => {
  const net = rounded(lines.reduce((sum, { price, count }) => sum + price * count, 0));
  return { net, total: rounded(net * (1 + tax)) };
};
