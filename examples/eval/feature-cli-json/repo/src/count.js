/** Lines, words and characters of a text. */
export const count = (text) => ({
  lines: text.split('\n').length - 1,
  words: text.split(/\s+/).filter(Boolean).length,
  characters: [...text].length,
});
