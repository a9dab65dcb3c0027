const rounded = (amount) => Math.floor(amount * 100 + 0.5) / 100;

export const cart = (lines, discount) =>
  rounded(lines.reduce((sum, { price, count }) => sum + price * count * (1 - discount), 0));
