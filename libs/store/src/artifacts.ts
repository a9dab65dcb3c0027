import { createHash, randomUUID } from 'node:crypto';
import type { Artifacts, Digest } from '@millwright/domain';
import { terminal } from '@millwright/domain';
import { guarded, type Sql } from './connect.ts';

const CHUNK = 1_048_576;
/** 512 MiB: what one row of `artifacts` may describe. Also what a reader must be ready to hold in memory. */
export const MAX_ARTIFACT_BYTES = 512 * CHUNK;
/** Chunks in flight at once: one socket's worth of work without holding several copies of a large value. */
const WINDOW = 4;

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const bytesOf = (digest: Digest) => Buffer.from(digest.slice('sha256:'.length), 'hex');
const digestOf = (raw: Uint8Array) => `sha256:${Buffer.from(raw).toString('hex')}` as Digest;

/** Artifacts as rows of 1 MiB chunks. Digests are computed by the writer, by the database (up to 64 MiB) and by every reader. */
export function artifactsOn(sql: Sql): Artifacts {
  const has = (digest: Digest) =>
    guarded(async () => {
      const [row] = await sql`select size from millwright.artifact_head(${bytesOf(digest)})`;
      return row !== undefined && row.size !== null;
    });

  const putLarge = async (bytes: Uint8Array, digest: Digest): Promise<void> => {
    const blob = randomUUID();
    const chunks = Math.ceil(bytes.length / CHUNK);
    for (let first = 0; first < chunks; first += WINDOW) {
      const window = Array.from({ length: Math.min(WINDOW, chunks - first) }, (_, i) => first + i);
      await Promise.all(
        window.map(
          (seq) =>
            sql`select millwright.artifact_chunk(${blob}, ${seq}, ${bytes.subarray(seq * CHUNK, (seq + 1) * CHUNK)})`,
        ),
      );
    }
    const [row] = await sql<[{ ok: boolean }]>`
      select millwright.artifact_finish(${blob}, ${bytesOf(digest)}, ${bytes.length}, ${chunks}) as ok`;
    if (!row.ok) throw terminal('artifact-incomplete', `the upload of ${digest} did not arrive whole`);
  };

  return {
    has,
    put: (bytes) =>
      guarded(async () => {
        if (bytes.length > MAX_ARTIFACT_BYTES)
          throw terminal(
            'artifact-too-large',
            `an artifact of ${Math.ceil(bytes.length / CHUNK)} MiB is over the limit of 512 MiB; nothing of it was stored`,
          );
        const digest = digestOf(hash(bytes));
        if (bytes.length <= CHUNK) {
          const [row] = await sql<
            [{ digest: Uint8Array }]
          >`select millwright.artifact_put(${bytes}) as digest`;
          if (digestOf(row.digest) !== digest)
            throw terminal('artifact-tampered', `${digest} arrived in the database as other bytes`);
        } else if (!(await has(digest))) await putLarge(bytes, digest);
        return digest;
      }),
    get: (digest) =>
      guarded(async () => {
        // The first chunk is nearly always the whole: ask for both at once.
        const [[head], first] = await Promise.all([
          sql<
            { size: number | null; chunks: number }[]
          >`select size, chunks from millwright.artifact_head(${bytesOf(digest)})`,
          read(sql, digest, 0),
        ]);
        if (head === undefined || head.size === null)
          throw terminal('artifact-missing', `there is no artifact ${digest}`);
        const whole = Buffer.allocUnsafe(head.size);
        let filled = first === null ? 0 : first.copy(whole);
        for (let seq = 1; seq < head.chunks; seq += WINDOW) {
          const window = Array.from({ length: Math.min(WINDOW, head.chunks - seq) }, (_, i) => seq + i);
          for (const chunk of await Promise.all(window.map((n) => read(sql, digest, n))))
            filled += chunk === null ? 0 : chunk.copy(whole, filled);
        }
        if (filled !== head.size || digestOf(hash(whole)) !== digest)
          throw terminal('artifact-tampered', `what is stored as ${digest} has another digest`);
        return whole;
      }),
  };
}

async function read(sql: Sql, digest: Digest, seq: number): Promise<Buffer | null> {
  const [row] = await sql<
    [{ bytes: Buffer | null }]
  >`select millwright.artifact_read(${bytesOf(digest)}, ${seq}) as bytes`;
  return row.bytes;
}
