export const rounded = (amount) => (Math.sign(amount) * Math.round(Math.abs(amount) * 100)) / 100;
