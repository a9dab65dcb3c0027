import { Readable } from 'node:stream';
import { terminal } from '@millwright/domain';
import type { Sql } from '../connect.ts';

// Rows in the binary form of COPY (PostgreSQL manual, "COPY", File Formats): for a verifier who reads them all. A row as postgres.js parses it
// costs this process six times as much as the same row from here (measured: 6 µs against 1 µs), and a stream of them needs no pages.

const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

/** One row's fields, by their place. Views of what came: to be used before the next row. */
export class CopiedRow {
  #bytes: Buffer = HEADER;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** Takes the row in [from, end of bytes). Throws a RangeError where it is not one of `fields` fields. */
  take(bytes: Buffer, from: number, fields: number): void {
    if (bytes.readInt16BE(from) !== fields) throw new RangeError('a row of COPY has other fields');
    let at = from + 2;
    for (let i = 0; i < fields; i++) {
      const length = bytes.readInt32BE(at);
      at += 4;
      this.#starts[i] = length < 0 ? -1 : at;
      at += Math.max(length, 0);
      this.#ends[i] = at;
    }
    if (at !== bytes.length) throw new RangeError('a row of COPY has another length');
    this.#bytes = bytes;
  }

  #start(i: number): number {
    const start = this.#starts[i] ?? -1;
    if (start < 0) throw new RangeError(`field ${i} of a row of COPY is null`);
    return start;
  }

  bytes(i: number): Buffer {
    return this.#bytes.subarray(this.#start(i), this.#ends[i]);
  }

  bytesOrNull(i: number): Buffer | null {
    return (this.#starts[i] ?? -1) < 0 ? null : this.bytes(i);
  }

  text(i: number): string {
    return this.#bytes.toString('utf8', this.#start(i), this.#ends[i]);
  }

  hex(i: number): string {
    return this.#bytes.toString('hex', this.#start(i), this.#ends[i]);
  }

  integer(i: number): number {
    return this.#bytes.readInt32BE(this.#start(i));
  }

  /** A bigint, as a number: positions and times stay far below 2^53. */
  bigint(i: number): number {
    const start = this.#start(i);
    return this.#bytes.readInt32BE(start) * 2 ** 32 + this.#bytes.readUInt32BE(start + 4);
  }
}

/**
 * A query of postgres.js, as its source has it. The stream comes by a promise, and the database's error may come in the same packet as the
 * stream's beginning: destroyed before anybody could listen to it, it would end the process. So it is listened to where the promise is resolved.
 */
type Asked = { resolve(result: unknown): void; readable(): Promise<unknown> };

/**
 * Hands each row of a query to `each`, one after the other; memory is that of a row and of what the socket holds. The query is text without
 * parameters, which COPY does not take. What `each` throws ends it, after the rest was read.
 */
export async function copyOut(
  sql: Sql,
  query: string,
  fields: number,
  each: (row: CopiedRow) => void,
): Promise<void> {
  const row = new CopiedRow();
  let [begun, ended] = [false, false];
  let failure: unknown;
  const take = (bytes: Buffer) => {
    // One message a row; the header comes with the first, and the trailer by itself.
    if (!begun && !bytes.subarray(0, HEADER.length).equals(HEADER)) throw new RangeError('this is no COPY');
    const from = begun ? 0 : HEADER.length;
    begun = true;
    if (from === bytes.length) return;
    ended = bytes.readInt16BE(from) === -1;
    if (ended) return;
    row.take(bytes, from, fields);
    each(row);
  };
  await new Promise<void>((resolve, reject) => {
    const asked = sql.unsafe(`copy (${query}) to stdout (format binary)`) as unknown as Asked;
    const handOver = asked.resolve;
    asked.resolve = (stream) => {
      if (stream instanceof Readable) {
        stream.on('data', (bytes: Buffer) => {
          if (failure !== undefined) return;
          try {
            take(bytes);
          } catch (error) {
            failure = error ?? new Error('thrown without an error');
          }
        });
        stream.once('error', reject);
        stream.once('end', resolve);
      }
      handOver(stream);
    };
    asked.readable().catch(reject);
  });
  if (failure !== undefined) throw failure;
  if (!ended) throw terminal('trail-failed', 'the database ended a COPY without its last row');
}
