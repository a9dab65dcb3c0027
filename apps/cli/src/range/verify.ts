import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type Part, type RangeVerdict, RangeVerifier, readPart, type Stretch } from '@millwright/audit/proof';

// A range in a file, verified by as many threads as there are cores: this one cuts the file into stretches and follows what they say, in their
// order; each is read by a thread that has nothing to do, or here while none has.

const CHUNK_BYTES = 262_144;
/** A thread takes a tenth of a second to start: a smaller file is read by then. */
const WORTH_BYTES = 16_777_216;
const MOST_THREADS = 8;
/** Stretches that a thread has before it: one to read, and the next. */
const AHEAD = 2;

class Reader {
  readonly #worker = new Worker(new URL('./thread.ts', import.meta.url));
  readonly #waiting: { done: (part: Part) => void; failed: (error: unknown) => void }[] = [];

  constructor() {
    this.#worker.on('message', (part: Part) => this.#waiting.shift()?.done(part));
    this.#worker.on('error', (error) => {
      for (const { failed } of this.#waiting.splice(0)) failed(error);
    });
  }

  get free(): boolean {
    return this.#waiting.length < AHEAD;
  }

  read({ bytes, ...where }: Stretch): Promise<Part> {
    const own = new Uint8Array(bytes); // to be handed over, not shared
    this.#worker.postMessage({ ...where, bytes: own }, [own.buffer]);
    return new Promise((done, failed) => this.#waiting.push({ done, failed }));
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** As many threads as there are cores, where the file is worth it. Rejects where there is no such file. */
async function threadsFor(path: string): Promise<number> {
  const { size } = await stat(path);
  return size < WORTH_BYTES ? 1 : Math.min(availableParallelism(), MOST_THREADS);
}

/** The verdict on the range in the file at `path`. Rejects where that cannot be read. Memory: a few chunks a thread, beside a verifier's. */
export async function verifyRange(
  path: string,
  vkeys: readonly string[] | 'own',
  options: { readonly threads?: number; readonly chunkBytes?: number } = {},
): Promise<RangeVerdict> {
  const { threads = await threadsFor(path), chunkBytes = CHUNK_BYTES } = options;
  const verifier = new RangeVerifier(vkeys);
  const readers = Array.from({ length: threads - 1 }, () => new Reader());
  const parts: (Part | Promise<Part>)[] = [];
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
      const stretch = verifier.take(chunk);
      if (stretch !== null) {
        const reader = readers.find(({ free }) => free);
        parts.push(reader?.read(stretch) ?? readPart(stretch));
      }
      while (parts.length > AHEAD * threads) verifier.follow(await (parts.shift() as Part | Promise<Part>));
      if (verifier.done) break;
    }
    for (const part of parts) verifier.follow(await part);
  } finally {
    await Promise.all(readers.map((reader) => reader.end()));
  }
  return verifier.finish();
}
