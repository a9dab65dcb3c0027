/** One byte of a text, as two hex digits. */
exports.checksum = (text) => {
  let sum = 0;
  for (const byte of Buffer.from(text)) sum = (sum + byte) % 256;
  return sum.toString(16).padStart(2, '0');
};
