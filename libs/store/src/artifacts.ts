import { createHash, randomUUID } from 'node:crypto';
import { type Pool, repeating } from '@millwright/database';
import type { Artifacts, Digest } from '@millwright/domain';
import { terminal } from '@millwright/domain';
import type { ArtifactPlace } from './artifact-place.ts';

const CHUNK = 1_048_576;
/** 512 MiB: what one row of `artifacts` may describe. Also what a reader must be ready to hold in memory. */
export const MAX_ARTIFACT_BYTES = 512 * CHUNK;
/** Chunks in flight at once: one socket's worth of work without holding several copies of a large value. */
const WINDOW = 4;

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const bytesOf = (digest: Digest) => Buffer.from(digest.slice('sha256:'.length), 'hex');
const digestOf = (raw: Uint8Array) => `sha256:${Buffer.from(raw).toString('hex')}` as Digest;

/** Runs `step` for 0 … count-1, in order and a window at a time. */
async function windowed<T>(count: number, step: (n: number) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (let first = 0; first < count; first += WINDOW) {
    const window = Array.from({ length: Math.min(WINDOW, count - first) }, (_, i) => first + i);
    done.push(...(await Promise.all(window.map(step))));
  }
  return done;
}

const tampered = (digest: Digest) =>
  terminal('artifact-tampered', `what is stored as ${digest} has another digest`);

/** The same parts; fails after the last of them where together they have another digest. */
async function* checked(digest: Digest, parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const sum = createHash('sha256');
  for await (const part of parts) {
    sum.update(part);
    yield part;
  }
  if (digestOf(sum.digest()) !== digest) throw tampered(digest);
}

/**
 * Artifacts as rows of 1 MiB chunks, or, those that are larger than one, in a `place` of their own: what is in the database stays readable there.
 * Digests are computed by the writer, by the database (up to 64 MiB) and by every reader.
 */
export function artifactsOn(pool: Pool, place: ArtifactPlace | null): Artifacts {
  type Head = { size: number | null; chunks: number };
  const head = async (digest: Digest): Promise<Head | undefined> => {
    const [row] = await repeating(
      pool,
      (sql) => sql<Head[]>`select size, chunks from millwright.artifact_head(${bytesOf(digest)})`,
    );
    return row;
  };

  const chunk = async (digest: Digest, seq: number): Promise<Buffer | null> => {
    const [row] = await repeating(
      pool,
      (sql) => sql<[{ bytes: Buffer | null }]>`
        select millwright.artifact_read(${bytesOf(digest)}, ${seq}) as bytes`,
    );
    return row.bytes;
  };

  const inDatabase = async (digest: Digest) => {
    const found = await head(digest);
    return found !== undefined && found.size !== null;
  };
  const has = async (digest: Digest) => (await inDatabase(digest)) || ((await place?.has(digest)) ?? false);

  /** A chunk at a time. */
  async function* chunks(digest: Digest, count: number): AsyncGenerator<Uint8Array> {
    for (let seq = 0; seq < count; seq += 1) yield (await chunk(digest, seq)) ?? Buffer.alloc(0);
  }
  const elsewhere = async (digest: Digest): Promise<AsyncIterable<Uint8Array>> => {
    const found = (await place?.read(digest)) ?? null;
    if (found === null)
      throw terminal(
        'artifact-missing',
        `there is no artifact ${digest}${place === null ? '' : ` in the database or in ${place.name}`}`,
      );
    return found;
  };

  const putSmall = async (bytes: Uint8Array, digest: Digest): Promise<void> => {
    const [row] = await repeating(
      pool,
      (sql) => sql<[{ digest: Uint8Array }]>`select millwright.artifact_put(${bytes}) as digest`,
    );
    if (digestOf(row.digest) !== digest)
      throw terminal('artifact-tampered', `${digest} arrived in the database as other bytes`);
  };

  const putLarge = async (bytes: Uint8Array, digest: Digest): Promise<void> => {
    const blob = randomUUID();
    const chunks = Math.ceil(bytes.length / CHUNK);
    // Not repeated one by one: a chunk whose outcome is unknown may be there already. A new upload is a new blob.
    await windowed(chunks, (seq) =>
      pool.use(
        (sql) =>
          sql`select millwright.artifact_chunk(${blob}, ${seq}, ${bytes.subarray(seq * CHUNK, (seq + 1) * CHUNK)})`,
      ),
    );
    const [row] = await pool.use(
      (sql) => sql<[{ ok: boolean }]>`
        select millwright.artifact_finish(${blob}, ${bytesOf(digest)}, ${bytes.length}, ${chunks}) as ok`,
    );
    if (!row.ok) throw terminal('artifact-incomplete', `the upload of ${digest} did not arrive whole`);
  };

  return {
    has,
    put: async (bytes) => {
      if (bytes.length > MAX_ARTIFACT_BYTES)
        throw terminal(
          'artifact-too-large',
          `an artifact of ${Math.ceil(bytes.length / CHUNK)} MiB is over the limit of 512 MiB; nothing of it was stored`,
        );
      const digest = digestOf(hash(bytes));
      if (bytes.length <= CHUNK) await putSmall(bytes, digest);
      else if (place !== null) await place.put(digest, bytes);
      else if (!(await has(digest))) await putLarge(bytes, digest);
      return digest;
    },
    get: async (digest) => {
      // The first chunk is nearly always the whole: ask for both at once.
      const [found, first] = await Promise.all([head(digest), chunk(digest, 0)]);
      if (found === undefined || found.size === null) {
        const parts: Uint8Array[] = [];
        for await (const part of checked(digest, await elsewhere(digest))) parts.push(part);
        return Buffer.concat(parts);
      }
      const rest = await windowed(Math.max(0, found.chunks - 1), (n) => chunk(digest, n + 1));
      const parts = [first, ...rest].map((part) => part ?? Buffer.alloc(0));
      const whole = Buffer.concat(parts);
      if (digestOf(hash(whole)) !== digest) throw tampered(digest);
      return whole;
    },
    stream: async (digest) => {
      const found = await head(digest);
      const there = found !== undefined && found.size !== null;
      return checked(digest, there ? chunks(digest, found.chunks) : await elsewhere(digest));
    },
  };
}
