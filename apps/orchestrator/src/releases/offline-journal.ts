import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OpenTrail } from '@millwright/audit';
import { type Clock, Entry, maskFreeText, RepoName, retryable, streamOf, terminal } from '@millwright/domain';
import { z } from 'zod';
import { ORCHESTRATOR } from '../streams/actor.ts';

// What going back did while the trail could not be written. The file exists at its full size before it is needed, so that a full disk does
// not stop it, and each record is on the disk before the caller goes on.
//   A1  A record is whole or is not there: its line holds its length and digest, and reading stops at the first line that does not fit.
//   A2  Imported before anything else of its target is written, and at start before anything else at all.
//   A3  Imported once: the entries and the mark that says so are one append; the file is emptied after it.
//   A4  What another process of this machine did (`rollback --offline`) is handed in beside it, a whole file an entry, and taken in first.

const BYTES = 1024 * 1024;
const HEADER = /^millwright-offline 1 ([0-9a-f-]{36})$/;

const Record = z.strictObject({ repo: RepoName, at: z.number(), entry: Entry });
type Record = z.infer<typeof Record>;

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

const inbox = (folder: string): string => join(folder, 'offline');
let handed = 0;

/** Hands one entry in, for the factory that has this folder, running or not. Resolves when it is on the disk. */
export async function submit(folder: string, repo: RepoName, entry: Entry, clock: Clock): Promise<void> {
  const record: Record = { repo, at: clock.now(), entry: maskFreeText(Entry, entry) };
  await mkdir(inbox(folder), { recursive: true, mode: 0o700 });
  handed += 1;
  // By name in the order of what happened.
  const name = `${String(record.at).padStart(15, '0')}-${String(handed).padStart(4, '0')}-${randomUUID()}`;
  const path = join(inbox(folder), name);
  const file = await open(path, 'w', 0o600);
  await file.writeFile(JSON.stringify(record));
  await file.sync();
  await file.close();
  await rename(path, `${path}.json`);
  const parent = await open(inbox(folder), 'r');
  await parent.sync();
  await parent.close();
}

export class OfflineJournal {
  readonly #path: string;
  readonly #clock: Clock;
  #file: FileHandle;
  #id: string;
  #end: number;
  #records: Record[];
  /** One at a time: writes go to the end of the file, and an import empties it. */
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(path: string, clock: Clock, file: FileHandle, read: Read) {
    this.#path = path;
    this.#clock = clock;
    this.#file = file;
    this.#id = read.id;
    this.#end = read.end;
    this.#records = read.records;
  }

  /** Makes the file at its full size where there is none; reads what a former process left. */
  static async open(path: string, clock: Clock): Promise<OfflineJournal> {
    await mkdir(dirname(path), { recursive: true });
    const existing = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    const read = existing === null ? null : parse(await existing.readFile());
    if (existing !== null && read !== null) return new OfflineJournal(path, clock, existing, read);
    await existing?.close();
    const { file, id } = await fresh(path);
    return new OfflineJournal(path, clock, file, { id, end: headerOf(id).length, records: [] });
  }

  /** Whether something of this target (of any, when none is named) waits to be imported. */
  pending(repo?: RepoName): boolean {
    return [...this.#records, ...this.#handedIn().map(({ record }) => record)].some(
      (record) => repo === undefined || record.repo === repo,
    );
  }

  #handedIn(): { path: string; record: Record }[] {
    const folder = inbox(dirname(this.#path));
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => join(folder, name))
      .map((path) => ({ path, record: Record.parse(JSON.parse(readFileSync(path, 'utf8'))) }));
  }

  /** Into this journal, and out of the inbox: killed in between, the same record is not taken twice. */
  async #takeIn(): Promise<void> {
    for (const { path, record } of this.#handedIn()) {
      const known = this.#records.some((one) => JSON.stringify(one) === JSON.stringify(record));
      if (!known) await this.#put(record);
      await rm(path);
    }
  }

  /** Resolves when the entry is on the disk. Throws when the file is full, or the disk fails. */
  write(repo: RepoName, entry: Entry): Promise<void> {
    return this.#alone(async () => {
      // As the trail would keep it: what looks like a secret is on no disk.
      await this.#put({ repo, at: this.#clock.now(), entry: maskFreeText(Entry, entry) });
    });
  }

  async #put(record: Record): Promise<void> {
    const text = JSON.stringify(record);
    const line = Buffer.from(`${Buffer.byteLength(text)} ${digestOf(text)} ${text}\n`);
    if (this.#end + line.length > BYTES)
      throw terminal('aside-full', `${this.#path} is full: what was done cannot be journaled`);
    await this.#file.write(line, 0, line.length, this.#end);
    await this.#file.datasync();
    this.#end += line.length;
    this.#records.push(record);
  }

  /** Takes everything over to the trail. Throws when the trail still cannot be written; nothing is lost then. */
  importTo(trail: OpenTrail): Promise<number> {
    return this.#alone(async () => {
      await this.#takeIn();
      const records = this.#records;
      if (records.length === 0) return 0;
      for (const repo of new Set(records.map((record) => record.repo)))
        await this.#importTarget(
          trail,
          repo,
          records.filter((record) => record.repo === repo),
        );
      const { file, id } = await fresh(this.#path);
      await this.#file.close();
      [this.#file, this.#id, this.#end, this.#records] = [file, id, headerOf(id).length, []];
      return records.length;
    });
  }

  async close(): Promise<void> {
    await this.#alone(() => this.#file.close());
  }

  async #importTarget(trail: OpenTrail, repo: RepoName, records: readonly Record[]): Promise<void> {
    const stream = streamOf.target(repo);
    for (let tries = 0; tries < 5; tries += 1) {
      const there = await trail.read(stream);
      if (
        there.some(
          ({ entry }) => entry?.type === 'target.journal-imported' && entry.data.journal === this.#id,
        )
      )
        return;
      // An append that was only slow is on the trail already.
      const known = new Set(there.map(({ entry }) => JSON.stringify(entry)));
      const missing = records.filter(({ entry }) => !known.has(JSON.stringify(Entry.parse(entry))));
      const [first, last] = [records.at(0), records.at(-1)];
      const mark: Entry = {
        type: 'target.journal-imported',
        data: {
          journal: this.#id,
          records: missing.length,
          from: first?.at ?? 0,
          to: last?.at ?? 0,
        },
      };
      const appended = await trail.append({
        stream,
        expectedVersion: there.at(-1)?.envelope.version ?? 0,
        actor: ORCHESTRATOR,
        entries: [...missing.map(({ entry }) => entry), mark],
      });
      if (appended.kind === 'refused') throw terminal('trail-refused', appended.reason);
      if (appended.kind === 'appended') return;
    }
    throw retryable('busy', `the stream of target ${repo} is being written to`);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#tail.then(work, work);
    // Whoever comes next goes on whatever becomes of this one; its own caller gets the error.
    this.#tail = mine.catch(() => undefined);
    return mine;
  }
}

type Read = { id: string; end: number; records: Record[] };

const headerOf = (id: string): string => `millwright-offline 1 ${id}\n`;

/** A file that is full size on the disk, under its name only once it is. */
async function fresh(path: string): Promise<{ file: FileHandle; id: string }> {
  const id = randomUUID();
  const part = `${path}.new`;
  const file = await open(part, 'w+', 0o600);
  const bytes = Buffer.alloc(BYTES);
  bytes.write(headerOf(id));
  await file.write(bytes, 0, bytes.length, 0);
  await file.sync();
  await rename(part, path);
  const folder = await open(dirname(path), 'r');
  await folder.sync();
  await folder.close();
  return { file, id };
}

/** Null where it is no such file (a crash before its header was on the disk). */
function parse(bytes: Buffer): Read | null {
  const first = bytes.indexOf(0x0a);
  const id = HEADER.exec(bytes.subarray(0, Math.max(0, first)).toString('utf8'))?.[1];
  if (id === undefined) return null;
  const records: Record[] = [];
  let end = first + 1;
  for (;;) {
    const head = /^(\d{1,7}) ([0-9a-f]{16}) /.exec(bytes.subarray(end, end + 32).toString('latin1'));
    if (head === null) return { id, end, records };
    const [whole, length, digest] = head;
    const start = end + whole.length;
    const text = bytes.subarray(start, start + Number(length)).toString('utf8');
    if (digestOf(text) !== digest || bytes[start + Number(length)] !== 0x0a) return { id, end, records };
    records.push(Record.parse(JSON.parse(text)));
    end = start + Number(length) + 1;
  }
}
