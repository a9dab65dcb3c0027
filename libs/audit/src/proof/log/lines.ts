import { Buffer } from '#platform';
export const NEWLINE = 10;

export function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** Cuts a file's bytes into complete lines as they come. Keeps of them no more than the line that is not complete yet. */
export class Lines {
  #parts: Buffer[] = [];
  /** Bytes after the last newline. */
  pending = 0;

  /** The lines that these bytes complete, each with its newline: empty where there is none, and else maybe a view of them. */
  complete(chunk: Buffer): Buffer {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    const lines = end === 0 ? chunk.subarray(0, 0) : Buffer.concat([...this.#parts, chunk.subarray(0, end)]);
    if (end > 0) {
      this.#parts = [];
      this.pending = 0;
    }
    if (end < chunk.length) this.#parts.push(Buffer.from(chunk.subarray(end)));
    this.pending += chunk.length - end;
    return lines;
  }
}
