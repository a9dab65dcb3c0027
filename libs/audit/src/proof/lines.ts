const NEWLINE = 10;

/** Cuts a file's bytes into lines as they come. Keeps of them no more than the line that is not complete yet. */
export class Lines {
  #parts: Buffer[] = [];
  /** Bytes after the last newline. */
  pending = 0;

  /** Hands over each complete line, as bytes [from, end) of a buffer that is only its own during the call, until `each` says that it is enough. */
  push(chunk: Buffer, each: (bytes: Buffer, from: number, end: number) => boolean): void {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const [line, start, stop] = this.#joined(chunk, from, end);
      if (!each(line, start, stop)) return;
      from = end + 1;
    }
    if (from === chunk.length) return;
    this.#parts.push(Buffer.from(chunk.subarray(from)));
    this.pending += chunk.length - from;
  }

  #joined(chunk: Buffer, from: number, end: number): [Buffer, number, number] {
    if (this.pending === 0) return [chunk, from, end];
    const line = Buffer.concat([...this.#parts, chunk.subarray(from, end)]);
    this.#parts = [];
    this.pending = 0;
    return [line, 0, line.length];
  }
}
