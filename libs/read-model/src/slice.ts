import { type Sql, type TransactionSql, textArray } from '@millwright/database';
import {
  Fold,
  type OpenEffect,
  type Quarantined,
  type RecordedEntry,
  type RepoInfo,
  type RepoName,
} from '@millwright/domain';
import type { Schema } from './tables.ts';

// A fold as rows: a table a kind of thing, a row a thing, its state as text. A slice holds those that some entries concern: they are read, the
// entries are folded, and what is another text than before is written.

type Settings = { budgets: [string, number | null][]; capSetAt: number; started: number };

/** How a row is put into a fold, and what of the fold it is; undefined where there is none. */
type Kind = {
  put(fold: Fold, id: string, state: never): void;
  of(fold: Fold, id: string): object | undefined;
  /** Every row that there is. */
  ids(fold: Fold): Iterable<string>;
  repo?(fold: Fold, id: string): string | null;
};

/** Of a map whose values are plain data. */
const mapped = <K extends string, V extends object>(
  map: (fold: Fold) => Map<K, V>,
  repo?: (value: V) => string | null,
): Kind => ({
  put: (fold, id, state) => void map(fold).set(id as K, state),
  of: (fold, id) => map(fold).get(id as K),
  ids: (fold) => map(fold).keys(),
  repo: (fold, id) => {
    const value = map(fold).get(id as K);
    return value === undefined || repo === undefined ? null : repo(value);
  },
});

const openOf = (fold: Fold, stream: string): OpenEffect[] =>
  fold.effects.list().filter((one) => one.stream === stream);

const KINDS = {
  tickets: mapped(
    (fold) => fold.tickets,
    ({ repo }) => repo,
  ),
  runs: mapped(
    (fold) => fold.runs,
    ({ state }) => (state.kind === 'run' ? state.repo : null),
  ),
  attempts: mapped((fold) => fold.attempts),
  releases: mapped(
    (fold) => fold.releases,
    ({ repo }) => repo,
  ),
  targets: mapped((fold) => fold.targets),
  repos: {
    put: (fold, id, state: Omit<RepoInfo, 'lost'> & { lost: [never, never][] }) =>
      void fold.repos.set(id as RepoName, { ...state, lost: new Map(state.lost) }),
    of: (fold, id) => {
      const info = fold.repos.get(id as RepoName);
      return info && { ...info, lost: [...info.lost] };
    },
    ids: (fold) => fold.repos.keys(),
  },
  quarantines: {
    put: (fold, id, state: Quarantined[]) =>
      fold.quarantines.restore([...fold.quarantines.all(), [id as RepoName, state]]),
    of: (fold, id) => {
      const held = fold.quarantines.of(id as RepoName);
      return held.length === 0 ? undefined : held;
    },
    ids: (fold) => fold.quarantines.all().map(([repo]) => repo),
  },
  effects: {
    put: (fold, _stream, state: OpenEffect[]) =>
      fold.effects.restore(
        [...fold.effects.list(), ...state].sort((a, b) => a.position - b.position),
        fold.effects.started,
      ),
    of: (fold, stream) => {
      const open = openOf(fold, stream);
      return open.length === 0 ? undefined : open;
    },
    ids: (fold) => new Set(fold.effects.list().map(({ stream }) => stream)),
  },
  settings: {
    put: (fold, _id, { budgets, capSetAt, started }: Settings) => {
      for (const [scope, usd] of budgets) fold.budgets.set(scope, usd);
      fold.capSetAt = capSetAt;
      fold.effects.restore(fold.effects.list(), started);
    },
    of: ({ budgets, capSetAt, effects }): Settings => ({
      budgets: [...budgets],
      capSetAt,
      started: effects.started,
    }),
    ids: () => ['factory'],
  },
} satisfies Record<string, Kind>;

type Table = keyof typeof KINDS;
const TABLES = Object.keys(KINDS) as Table[];
const kindOf = (table: Table): Kind => KINDS[table];

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

  /** Writes what has changed. */
  async save(): Promise<void> {
    for (const table of TABLES) {
      const { of, ids, repo } = kindOf(table);
      const read = this.#read.get(table) ?? new Map<string, string | null>();
      const rows: { id: string; repo: string | null; state: string }[] = [];
      for (const id of new Set([...read.keys(), ...ids(this.fold)])) {
        const state = of(this.fold, id);
        const text = state === undefined ? null : JSON.stringify(state);
        if (text === (read.get(id) ?? null)) continue;
        if (text === null) await this.#tx`delete from ${this.#at(table)} where id = ${id}`;
        else rows.push({ id, repo: repo?.(this.fold, id) ?? null, state: text });
      }
      if (rows.length > 0)
        await this.#tx`
          insert into ${this.#at(table)} (id, repo, state)
          select * from unnest(
            ${textArray(rows.map(({ id }) => id))}::text[], ${textArray(rows.map((row) => row.repo))}::text[],
            ${textArray(rows.map(({ state }) => state))}::text[])
          on conflict (id) do update set repo = excluded.repo, state = excluded.state`;
    }
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

/** All of it, in the order in which it came to be. */
export async function wholeFold(sql: TransactionSql | Sql, schema: Schema): Promise<Fold> {
  const fold = new Fold();
  for (const table of TABLES)
    for await (const rows of sql<{ id: string; state: string }[]>`
      select id, state from ${sql(`${schema}.${table}`)} order by nth`.cursor(500))
      for (const { id, state } of rows) kindOf(table).put(fold, id, JSON.parse(state) as never);
  return fold;
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
