import { type Sql, type TransactionSql, textArray } from '@millwright/database';
import {
  type AttemptId,
  Fold,
  type RecordedEntry,
  type ReleaseId,
  type RepoName,
  type RunId,
  type TicketId,
} from '@millwright/domain';
import { kindOf, TABLES, type Table } from './kinds.ts';
import type { Schema } from './tables.ts';

// A fold as rows: a table a kind of thing, a row a thing, its state as text. A slice holds those that some entries concern: they are read, the
// entries are folded, and what is another text than before is written.

const TABLE_OF_STREAM: Record<string, Table> = {
  run: 'runs',
  ticket: 'tickets',
  attempt: 'attempts',
  target: 'targets',
  repo: 'repos',
};
/** Fields of entries that name another thing. */
const TABLE_OF_FIELD: Record<string, Table> = {
  run: 'runs',
  ticket: 'tickets',
  attempt: 'attempts',
  release: 'releases',
  live: 'releases',
  repo: 'repos',
};

/** As much of the fold as some entries concern, in one transaction. */
export class Slice {
  readonly fold = new Fold();
  readonly #tx: TransactionSql;
  readonly #schema: Schema;
  /** What was read of each thing; null where there is no row. */
  readonly #read = new Map<Table, Map<string, string | null>>(TABLES.map((table) => [table, new Map()]));

  constructor(tx: TransactionSql, schema: Schema) {
    this.#tx = tx;
    this.#schema = schema;
  }

  /** Reads whatever these entries may change or look at. */
  async load(entries: readonly RecordedEntry[]): Promise<void> {
    const named = new Map<Table, Set<string>>(TABLES.map((table) => [table, new Set()]));
    const name = (table: Table, id: unknown) => {
      if (typeof id === 'string') named.get(table)?.add(id);
    };
    const served = new Set<RepoName>();
    name('settings', 'factory');
    for (const { envelope, entry } of entries) {
      const [kind = '', id = ''] = envelope.stream.split('/');
      const table = TABLE_OF_STREAM[kind];
      if (table !== undefined) name(table, id);
      if (kind === 'target') name('repos', id);
      name('effects', envelope.stream);
      for (const [field, value] of Object.entries(entry.data)) {
        const other = TABLE_OF_FIELD[field];
        if (other !== undefined) name(other, value);
      }
      if (entry.type === 'target.released') served.add(id as RepoName);
    }
    for (const table of TABLES) await this.#want(table, named.get(table) ?? []);
    // What went or came back with a release that serves now is in the history of its target.
    for (const repo of served)
      await this.#want(
        'releases',
        this.fold.target(repo).history.map(({ release }) => release),
      );
    await this.#want('runs', [
      ...[...this.fold.attempts.values()].map(({ run }) => run),
      ...[...this.fold.releases.values()].map(({ run }) => run),
    ]);
    const runs = [...this.fold.runs.keys()].flatMap((id) => this.fold.run(id) ?? []);
    await this.#want(
      'tickets',
      runs.map(({ ticket }) => ticket),
    );
    await this.#want('repos', [
      ...runs.map(({ repo }) => repo),
      ...[...this.fold.releases.values()].map(({ repo }) => repo),
    ]);
    await this.#want('quarantines', this.#read.get('repos')?.keys() ?? []);
  }

  /** Makes another fold, of what is open, say what this one does of what it holds. */
  into(open: Fold): void {
    // Those of the whole factory are known only where they were read.
    for (const table of TABLES)
      for (const id of new Set([...(this.#read.get(table)?.keys() ?? []), ...kindOf(table).ids(this.fold)]))
        if (table !== 'settings' || this.#read.get(table)?.has(id)) kindOf(table).move(this.fold, open, id);
  }

  /** Writes what has changed. */
  async save(): Promise<void> {
    let changed: string[] = [];
    for (const table of TABLES) {
      const { of, ids, repo, isOpen } = kindOf(table);
      const read = this.#read.get(table) ?? new Map<string, string | null>();
      const rows: { id: string; repo: string | null; open: boolean; state: string }[] = [];
      for (const id of new Set([...read.keys(), ...ids(this.fold)])) {
        const state = of(this.fold, id);
        const text = state === undefined ? null : JSON.stringify(state);
        if (text === (read.get(id) ?? null)) continue;
        if (text === null) await this.#tx`delete from ${this.#at(table)} where id = ${id}`;
        else
          rows.push({
            ...{ id, state: text },
            repo: repo?.(this.fold, id) ?? null,
            open: isOpen?.(this.fold, id) ?? true,
          });
      }
      if (table === 'runs') changed = rows.map(({ id }) => id);
      if (rows.length > 0)
        await this.#tx`
          insert into ${this.#at(table)} (id, repo, open, state)
          select * from unnest(
            ${textArray(rows.map(({ id }) => id))}::text[], ${textArray(rows.map((row) => row.repo))}::text[],
            ${textArray(rows.map(({ open }) => String(open)))}::text[]::boolean[],
            ${textArray(rows.map(({ state }) => state))}::text[])
          on conflict (id) do update set repo = excluded.repo, open = excluded.open, state = excluded.state`;
    }
    const gates = changed.flatMap((run) =>
      (this.fold.run(run as RunId)?.gates ?? []).map(({ gate }) => ({ gate, run })),
    );
    if (gates.length > 0)
      await this.#tx`
        insert into ${this.#tx(`${this.#schema}.gates`)} (id, run)
        select * from unnest(${textArray(gates.map(({ gate }) => gate))}::text[], ${textArray(gates.map(({ run }) => run))}::text[])
        on conflict do nothing`;
  }

  async #want(table: Table, ids: Iterable<string>): Promise<void> {
    const read = this.#read.get(table);
    const fresh = [...new Set(ids)].filter((id) => read !== undefined && !read.has(id));
    if (read === undefined || fresh.length === 0) return;
    for (const id of fresh) read.set(id, null);
    const rows = await this.#tx<{ id: string; state: string }[]>`
      select id, state from ${this.#at(table)} where id = any(${textArray(fresh)}::text[]) order by nth`;
    for (const { id, state } of rows) {
      read.set(id, state);
      kindOf(table).put(this.fold, id, JSON.parse(state) as never);
    }
  }

  #at(table: Table) {
    return this.#tx(`${this.#schema}.${table}`);
  }
}

/** All of it, or what is open, in the order in which it came to be. */
export async function foldOf(sql: TransactionSql | Sql, schema: Schema, part: 'open' | 'all'): Promise<Fold> {
  const fold = new Fold();
  for (const table of TABLES)
    for await (const rows of sql<{ id: string; state: string }[]>`
      select id, state from ${sql(`${schema}.${table}`)} where open or ${part === 'all'} order by nth`.cursor(
      500,
    ))
      for (const { id, state } of rows) kindOf(table).put(fold, id, JSON.parse(state) as never);
  return fold;
}

/** Things by their ids: a run with its ticket, a ticket with its runs, an attempt or a release with its run. `whole`: runs with their attempts and release besides. */
export type Named = {
  whole?: Iterable<RunId>;
  runs?: Iterable<RunId>;
  tickets?: Iterable<TicketId>;
  attempts?: Iterable<AttemptId>;
  releases?: Iterable<ReleaseId>;
};

/** Adds to a fold what is named and not in it. */
export async function addNamed(sql: Sql, fold: Fold, named: Named): Promise<void> {
  const add = async (
    table: 'runs' | 'tickets' | 'attempts' | 'releases',
    ids: Iterable<string | undefined>,
  ) => {
    const missing = [...new Set(ids)].filter((id) => id !== undefined && !fold[table].has(id as never));
    if (missing.length === 0) return;
    const rows = await sql<{ id: string; state: string }[]>`
      select id, state from ${sql(`read.${table}`)} where id = any(${textArray(missing as string[])}::text[]) order by nth`;
    for (const { id, state } of rows) kindOf(table).put(fold, id, JSON.parse(state) as never);
  };
  const whole = [...(named.whole ?? [])];
  const [tickets, attempts, releases] = [
    [...(named.tickets ?? [])],
    [...(named.attempts ?? [])],
    [...(named.releases ?? [])],
  ];
  await add('tickets', tickets);
  await add('attempts', attempts);
  await add('releases', releases);
  const runs = [
    ...whole,
    ...(named.runs ?? []),
    ...tickets.flatMap((id) => fold.tickets.get(id)?.runs ?? []),
    ...attempts.map((id) => fold.attempts.get(id)?.run),
    ...releases.map((id) => fold.releases.get(id)?.run),
  ];
  await add('runs', runs);
  const of = (ids: typeof runs) => ids.flatMap((id) => (id && fold.run(id)) ?? []);
  await add(
    'tickets',
    of(runs).map(({ ticket }) => ticket),
  );
  await add(
    'attempts',
    of(whole).flatMap(({ stages }) => stages.map(({ attempt }) => attempt)),
  );
  await add(
    'releases',
    of(whole).map(({ release }) => release?.release),
  );
}

/** Whose an entry is: a run's attempts are its own. */
export function concernsOf(
  fold: Fold,
  { envelope }: RecordedEntry,
): { run: string | null; repo: string | null } {
  const [kind = '', id = ''] = envelope.stream.split('/');
  const run = kind === 'run' ? id : kind === 'attempt' ? fold.attempts.get(id as never)?.run : undefined;
  const repo =
    kind === 'repo' || kind === 'target'
      ? id
      : kind === 'ticket'
        ? fold.tickets.get(id as never)?.repo
        : run && fold.run(run as never)?.repo;
  return { run: run ?? null, repo: repo || null };
}
