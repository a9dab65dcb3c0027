import { type Pool, transaction } from '@millwright/database';
import { DriveError, Fold, type RecordedEntry, retryable, type Trail } from '@millwright/domain';
import { project } from './project.ts';
import { Slice } from './slice.ts';
import type { Schema } from './tables.ts';

/** The form of the rows. Whoever changes what an entry becomes counts it up: the rows are made anew at the next start. */
export const VERSION = 8;

/** An entry that could not be folded in; its type is empty where it could not even be read. */
export type ParkedEntry = { position: number; type: string; reason: string };

/** Entries that are in the rows now, and what the rows say of all that they concern. */
export type Drawn = {
  entries: readonly RecordedEntry[];
  position: number;
  about: Pick<Slice, 'fold' | 'into'>;
};

/** One schema of rows, and how far along the trail it is. Its only writer: a checkpoint that another moved is an error. */
export class Projection {
  position = 0;
  readonly #pool: Pool;
  readonly #schema: Schema;
  readonly #onParked: (parked: ParkedEntry) => void;
  readonly #onDrawn: (drawn: Drawn) => void;

  constructor(
    pool: Pool,
    schema: Schema,
    onParked: (parked: ParkedEntry) => void,
    onDrawn: (drawn: Drawn) => void = () => undefined,
  ) {
    this.#pool = pool;
    this.#schema = schema;
    this.#onParked = onParked;
    this.#onDrawn = onDrawn;
  }

  /** Empty rows, whatever was there. */
  async make(): Promise<void> {
    await this.#pool.use((sql) => sql`select millwright.make_read_model(${this.#schema}, ${VERSION})`);
    this.position = 0;
  }

  /** Where it is, as the database has it. Rows of another form than ours, or of a longer trail than this one, are made anew: then it is true. */
  async load(trail: Pick<Trail, 'head'>): Promise<boolean> {
    const [found] = await this.#pool.use(
      (sql) => sql<{ version: number; position: number }[]>`
        select version, position from ${sql(`${this.#schema}.checkpoint`)}`,
    );
    // The head after it: whoever had the database before may still move both.
    const known = found?.version === VERSION && found.position <= (await trail.head());
    if (known) this.position = found.position;
    else await this.make();
    return !known;
  }

  /**
   * Draws in at most `most` entries after where it is, and says how many. An entry that cannot be read, or that the rows refuse, is parked:
   * whatever comes after it is folded in all the same.
   */
  async advance(trail: Pick<Trail, 'readAll'>, most: number): Promise<number> {
    const before = this.position;
    let entries: RecordedEntry[];
    try {
      entries = await trail.readAll(this.position, most);
    } catch (error) {
      const reason = terminalOf(error);
      if (most > 1) return this.advance(trail, most >> 1);
      await this.#commit([], this.position + 1, { position: this.position + 1, type: '', reason });
      return 1;
    }
    await this.take(entries);
    return this.position - before;
  }

  /** Draws in what comes next on the trail. */
  async take(entries: readonly RecordedEntry[]): Promise<void> {
    const last = entries.at(-1)?.envelope;
    if (last === undefined) return;
    try {
      await this.#commit(entries, last.position);
    } catch (error) {
      const reason = terminalOf(error);
      if (entries.length > 1) for (const one of entries) await this.take([one]);
      else await this.#commit(entries, last.position, { position: last.position, type: last.type, reason });
    }
  }

  /** What the rows say by now of all that these concern; nothing, where that is what cannot be read. */
  async about(entries: readonly RecordedEntry[]): Promise<Drawn['about']> {
    const loaded = this.#pool.use((sql) =>
      transaction(sql, 'isolation level repeatable read read only', async (tx) => {
        const slice = new Slice(tx, this.#schema);
        await slice.load(entries);
        return slice;
      }),
    );
    return loaded.catch((error: unknown) => {
      terminalOf(error);
      return { fold: new Fold(), into: () => undefined };
    });
  }

  /** Rows, or who is parked, and checkpoint at once. Not flushed to the disk: what a crash of the database takes away is on the trail. */
  async #commit(entries: readonly RecordedEntry[], end: number, parked?: ParkedEntry): Promise<void> {
    const slice = await this.#pool.use((sql) =>
      transaction(sql, '', async (tx) => {
        await tx`set local synchronous_commit = off`;
        const drawn = parked === undefined ? await project(tx, this.#schema, entries) : null;
        if (parked !== undefined)
          await tx`insert into ${tx(`${this.#schema}.parked`)} ${tx(parked, 'position', 'type', 'reason')}`;
        const moved = await tx`
          update ${tx(`${this.#schema}.checkpoint`)} set position = ${end} where position = ${this.position}`;
        if (moved.count !== 1)
          throw retryable('views-moved', 'another orchestrator moved the checkpoint of what is read', 200);
        return drawn;
      }),
    );
    this.position = end;
    if (parked !== undefined) this.#onParked(parked);
    this.#onDrawn({ entries, position: end, about: slice ?? (await this.about(entries)) });
  }
}

/** Why it will not work the next time either; what is only away is thrown. */
function terminalOf(error: unknown): string {
  if (error instanceof DriveError && error.disposition !== 'terminal') throw error;
  return error instanceof Error ? error.message : String(error);
}
