// Array literals of PostgreSQL (documentation, section 8.15.2), for parameters cast in the statement: `${textArray(xs)}::text[]`.

/** Quoted elements, with backslash and quote escaped: any string, the word NULL and the empty string included. */
export const textArray = (items: readonly (string | null)[]): string =>
  `{${items.map((item) => (item === null ? 'NULL' : `"${item.replace(/[\\"]/g, '\\$&')}"`)).join(',')}}`;

export const numberArray = (items: readonly number[]): string => `{${items.join(',')}}`;

/** The hex form of bytea; its backslash is escaped for the array. */
export const bytesArray = (items: readonly (Uint8Array | null)[]): string =>
  `{${items.map((item) => (item === null ? 'NULL' : `"\\\\x${Buffer.from(item.buffer, item.byteOffset, item.byteLength).toString('hex')}"`)).join(',')}}`;

/** What the server writes of an array of numbers and nulls, in one dimension. */
export const numbersOf = (text: string): (number | null)[] =>
  JSON.parse(`[${text.slice(1, -1).replaceAll('NULL', 'null')}]`) as (number | null)[];
