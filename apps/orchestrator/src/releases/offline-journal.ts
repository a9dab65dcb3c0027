import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  type Clock,
  type Decider,
  Entry,
  type Instant,
  maskFreeText,
  type ReleaseId,
  RepoName,
  streamOf,
  terminal,
} from '@millwright/domain';
import { z } from 'zod';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { Streams } from '../streams/streams.ts';

// What going back did while the trail could not be written: a SQLite file (docs/decisions/0020-offline-journal.md). It has room before it is
// needed, so that a full disk does not stop it, and each record is on the disk before the caller goes on.
//   A1  A record is whole or is not there, and has an id and a time of its own.
//   A2  Imported before anything else of its target is written, and at start before anything else at all.
//   A3  Imported once: an append says the ids that it brings, and a record goes when its id is on the trail. An append whose answer was lost,
//       a target whose import fails after another's, and a record that is written meanwhile are no different.
//   A4  What the trail got late and by itself is known by its time and its words, and is not brought again.
//   A5  A write waits for no import, and for nothing of the trail.
//   A6  `rollback --offline`, another process of this machine, writes to the same file.

const RECORDS = 100; // an append takes 200 entries
/**
 * Takes 1 MiB, enough for some 1,000 records, and gives it back as free pages of the file; every page is changed once on the way, so that the
 * journal of a transaction has room too.
 */
const MAKE_ROOM = `
  drop table if exists room;
  create table room as with recursive n(n) as (values (1) union all select n + 1 from n where n < 256) select n, zeroblob(4000) as bytes from n;
  update room set bytes = randomblob(4000);
  drop table room;
  pragma user_version = 1`;

const Row = z.object({ id: z.string(), repo: RepoName, at: z.number(), entry: z.string() });
type Record = { id: string; repo: RepoName; at: Instant; entry: Entry };

/** In the orchestrator's folder. */
export const journalIn = (folder: string): string => join(folder, 'offline.db');

/**
 * Copies what waits to be imported into another folder, for a backup; false where nothing does. The copy makes room of its own when it is opened.
 */
export function copyJournal(folder: string, into: string): boolean {
  if (!existsSync(journalIn(folder))) return false;
  const db = new DatabaseSync(journalIn(folder), { timeout: 5_000 });
  try {
    if (db.prepare('select 1 from records limit 1').get() === undefined) return false;
    db.prepare('vacuum into ?').run(journalIn(into));
  } finally {
    db.close();
  }
  const copy = new DatabaseSync(journalIn(into));
  copy.exec('pragma user_version = 0');
  copy.close();
  return true;
}

export class OfflineJournal {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #db: DatabaseSync;
  /** One import at a time. */
  #import: Promise<number> | null = null;
  #lastAt = 0;

  private constructor(path: string, clock: Clock, db: DatabaseSync) {
    this.#path = path;
    this.#clock = clock;
    this.#db = db;
  }

  /** Makes the file with room in it where there is none; reads what a former process left. Throws where it is no such file: nothing is guessed. */
  static open(path: string, clock: Clock): OfflineJournal {
    mkdirSync(dirname(path), { recursive: true });
    const db = new DatabaseSync(path, { timeout: 5_000 });
    try {
      chmodSync(path, 0o600);
      // The journal of a transaction stays at its size, so that it needs no new room; `full` waits for the disk.
      db.exec('pragma journal_mode = persist; pragma synchronous = full; pragma fullfsync = on');
      const journal = OfflineJournal.on(db, clock, path);
      if (db.prepare('pragma user_version').get()?.user_version === 0) db.exec(MAKE_ROOM);
      return journal;
    } catch (error) {
      db.close();
      throw terminal(
        'journal-unreadable',
        `${path} cannot be read: ${error instanceof Error ? error.message : error}. What was gone back to while the trail was away may be in it and nowhere else: keep it, and move it aside to start without it`,
        error,
      );
    }
  }

  /** On a database that is open, with nothing made sure of its disk. */
  static on(db: DatabaseSync, clock: Clock, path: string): OfflineJournal {
    db.exec(
      `create table if not exists records (
        seq integer primary key autoincrement, id text not null unique, repo text not null, at integer not null, entry text not null
      ) strict`,
    );
    return new OfflineJournal(path, clock, db);
  }

  /** A time that no other record and no other entry of this process has: what is written late to the trail is known by it. */
  stamp(): Instant {
    this.#lastAt = Math.max(this.#clock.now(), this.#lastAt + 1);
    return this.#lastAt;
  }

  /** Whether something of this target (of any, when none is named) waits to be imported. */
  pending(repo?: RepoName): boolean {
    const found =
      repo === undefined
        ? this.#db.prepare('select 1 from records limit 1').get()
        : this.#db.prepare('select 1 from records where repo = ? limit 1').get(repo);
    return found !== undefined;
  }

  /** What serves on this target by what is not on the trail yet; null where nothing here says. */
  live(repo: RepoName): ReleaseId | null {
    const row = this.#db
      .prepare(
        `select entry from records where repo = ? and json_extract(entry, '$.type') = 'target.released' order by seq desc limit 1`,
      )
      .get(repo);
    const entry = row === undefined ? null : Entry.parse(JSON.parse(String(row.entry)));
    return entry?.type === 'target.released' ? entry.data.release : null;
  }

  /** On the disk when it returns. Throws when there is no room, or the disk fails. */
  write(repo: RepoName, entry: Entry, at: Instant = this.stamp()): void {
    // As the trail would keep it: what looks like a secret is on no disk.
    const text = JSON.stringify(maskFreeText(Entry, entry));
    try {
      this.#db
        .prepare('insert into records (id, repo, at, entry) values (?, ?, ?, ?)')
        .run(randomUUID(), repo, at, text);
    } catch (error) {
      throw terminal(
        'journal-failed',
        `what was done cannot be journaled in ${this.#path}: ${error instanceof Error ? error.message : error}`,
        error,
      );
    }
  }

  /** Takes everything over to the trail; says how much. Rejects where some of it could not be: that stays, and nothing is lost. */
  importTo(streams: Pick<Streams, 'append' | 'target'>): Promise<number> {
    this.#import ??= this.#importAll(streams).finally(() => {
      this.#import = null;
    });
    return this.#import;
  }

  close(): void {
    this.#db.close();
  }

  async #importAll(streams: Pick<Streams, 'append' | 'target'>): Promise<number> {
    let imported = 0;
    const failures: unknown[] = [];
    const repos = this.#db.prepare('select repo from records group by repo order by min(seq)').all();
    for (const { repo } of z.array(Row.pick({ repo: true })).parse(repos))
      try {
        for (let batch = this.#next(repo); batch.length > 0; batch = this.#next(repo)) {
          await importRecords(streams, repo, batch);
          const done = this.#db.prepare('delete from records where id = ?');
          for (const { id } of batch) done.run(id);
          imported += batch.length;
        }
        // Whoever goes back next, the trail being away again, knows of it.
        await streams.target(repo).look();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw failures[0];
    return imported;
  }

  #next(repo: RepoName): Record[] {
    const rows = this.#db
      .prepare('select id, repo, at, entry from records where repo = ? order by seq limit ?')
      .all(repo, RECORDS);
    return z
      .array(Row)
      .parse(rows)
      .map((row) => ({ ...row, entry: Entry.parse(JSON.parse(row.entry)) }));
  }
}

async function importRecords(
  streams: Pick<Streams, 'append'>,
  repo: RepoName,
  records: readonly Record[],
): Promise<void> {
  await streams.append({ id: streamOf.target(repo), decider: imports }, ORCHESTRATOR, ({ state: there }) => {
    const missing = notOn(there, records);
    if (missing.length === 0) return null;
    const late = landed(there, missing);
    const data = { records: missing.map(({ id, at }) => ({ id, at })) };
    return [
      ...missing.filter(({ id }) => !late.has(id)).map(({ entry }) => entry),
      { type: 'target.journal-imported', data },
    ];
  });
}

/** The newest entry first. */
type There = { at: Instant; entry: Entry; before: There } | null;

/** A target's stream as an import asks it: what is on it. What happened is not judged again. */
const imports: Decider<There, Entry> = {
  initialState: () => null,
  evolve: (before, entry, { at }) => ({ at, entry, before }),
  decide: ({ record }) => ({ kind: 'accepted', entries: [record] }),
};

/** Records that no import on the trail has named. */
function notOn(there: There, records: readonly Record[]): Record[] {
  const imported = new Set<string>();
  for (let one = there; one !== null; one = one.before)
    if (one.entry.type === 'target.journal-imported')
      for (const { id } of one.entry.data.records) imported.add(id);
  return records.filter(({ id }) => !imported.has(id));
}

/** Ids of the records that the trail got by itself: of the same time, with the same words. */
function landed(there: There, records: readonly Record[]): Set<string> {
  const known = new Set<string>();
  for (let one = there; one !== null; one = one.before) known.add(`${one.at} ${JSON.stringify(one.entry)}`);
  return new Set(
    records.filter(({ at, entry }) => known.has(`${at} ${JSON.stringify(entry)}`)).map(({ id }) => id),
  );
}
