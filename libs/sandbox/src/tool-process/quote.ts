/** A POSIX shell word that means exactly `text`. A NUL cannot be in any word: the caller refuses it first. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
