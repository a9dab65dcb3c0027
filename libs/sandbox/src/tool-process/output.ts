/** Bytes kept of an output that may be endless: the first half and the last half of `maxBytes`. */
export class HeadTail {
  readonly #headMax: number;
  readonly #tailMax: number;
  #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #total = 0;

  constructor(maxBytes: number) {
    this.#headMax = Math.ceil(Math.max(0, maxBytes) / 2);
    this.#tailMax = Math.max(0, maxBytes) - this.#headMax;
  }

  /** Bytes seen so far, kept or not. */
  get total(): number {
    return this.#total;
  }

  push(data: Buffer): void {
    this.#total += data.length;
    const toHead = data.subarray(0, this.#headMax - this.#headBytes);
    if (toHead.length > 0) {
      // Copied: a chunk may be a view on the connection's far larger read buffer.
      this.#head.push(Buffer.from(toHead));
      this.#headBytes += toHead.length;
    }
    const rest = data.subarray(toHead.length);
    if (rest.length === 0 || this.#tailMax === 0) return;
    const kept = Buffer.from(rest.subarray(Math.max(0, rest.length - this.#tailMax)));
    this.#tail.push(kept);
    this.#tailBytes += kept.length;
    // Compacted only when twice too long, so that each byte is copied a bounded number of times.
    if (this.#tailBytes > 2 * this.#tailMax || this.#tail.length > 1_024) this.#compact();
  }

  #compact(): void {
    const all = Buffer.concat(this.#tail);
    const last = all.subarray(Math.max(0, all.length - this.#tailMax));
    this.#tail = [Buffer.from(last)];
    this.#tailBytes = last.length;
  }

  /** UTF-8 with replacement characters; a line says how much was left out where something was. */
  text(): { output: string; droppedBytes: number } {
    this.#compact();
    const tail = Buffer.concat(this.#tail);
    const head = Buffer.concat(this.#head);
    const droppedBytes = this.#total - head.length - tail.length;
    if (droppedBytes === 0) return { output: Buffer.concat([head, tail]).toString('utf8'), droppedBytes };
    return {
      output: `${head.toString('utf8')}\n… ${droppedBytes} bytes left out …\n${tail.toString('utf8')}`,
      droppedBytes,
    };
  }
}
