import type { Fold, OpenEffect, Quarantined, RepoInfo, RepoName } from '@millwright/domain';

// What a fold is made of, a kind a table: how one thing is taken out of it, put into it, and what is open of it.

type Settings = { budgets: [string, number | null][]; capSetAt: number; started: number };

/** How a row is put into a fold, and what of the fold it is; undefined where there is none. */
type Kind = {
  put(fold: Fold, id: string, state: never): void;
  of(fold: Fold, id: string): object | undefined;
  /** Every row that there is. */
  ids(fold: Fold): Iterable<string>;
  /** Makes the one in `to` what it is in `from`; gone where it is not there, or over. */
  move(from: Fold, to: Fold, id: string): void;
  repo?(fold: Fold, id: string): string | null;
  /** Whether anything is still to come of it. Default: always. */
  isOpen?(fold: Fold, id: string): boolean;
};

/** Of a map whose values are plain data. */
const mapped = <K extends string, V extends object>(
  map: (fold: Fold) => Map<K, V>,
  isOpen: (value: V) => boolean,
  repo: (value: V) => string | null = () => null,
): Kind => ({
  put: (fold, id, state) => void map(fold).set(id as K, state),
  of: (fold, id) => map(fold).get(id as K),
  ids: (fold) => map(fold).keys(),
  move: (from, to, id) => {
    const value = map(from).get(id as K);
    if (value !== undefined && isOpen(value)) map(to).set(id as K, value);
    else map(to).delete(id as K);
  },
  repo: (fold, id) => {
    const value = map(fold).get(id as K);
    return value === undefined ? null : repo(value);
  },
  isOpen: (fold, id) => {
    const value = map(fold).get(id as K);
    return value !== undefined && isOpen(value);
  },
});

const openOf = (fold: Fold, stream: string): OpenEffect[] =>
  fold.effects.list().filter((one) => one.stream === stream);

const KINDS = {
  tickets: mapped(
    (fold) => fold.tickets,
    // An incident is compared with those before it; outside, the end of a ticket is told after it.
    ({ state, incident, untold }) => incident !== null || untold || (state !== 'done' && state !== 'closed'),
    ({ repo }) => repo,
  ),
  runs: mapped(
    (fold) => fold.runs,
    ({ closedAt }) => closedAt === null,
    ({ state }) => (state.kind === 'run' ? state.repo : null),
  ),
  attempts: mapped(
    (fold) => fold.attempts,
    ({ endedAt }) => endedAt === null,
  ),
  releases: mapped(
    (fold) => fold.releases,
    // Nothing is begun by looking through them: they are asked for by their runs.
    () => false,
    ({ repo }) => repo,
  ),
  targets: mapped(
    (fold) => fold.targets,
    () => true,
  ),
  repos: {
    put: (fold, id, state: Omit<RepoInfo, 'lost'> & { lost: [never, never][] }) =>
      void fold.repos.set(id as RepoName, { ...state, lost: new Map(state.lost) }),
    of: (fold, id) => {
      const info = fold.repos.get(id as RepoName);
      return info && { ...info, lost: [...info.lost] };
    },
    ids: (fold) => fold.repos.keys(),
    move: (from, to, id) => {
      const info = from.repos.get(id as RepoName);
      if (info !== undefined) to.repos.set(info.repo, info);
    },
  },
  quarantines: {
    put: (fold, id, state: Quarantined[]) =>
      fold.quarantines.restore([...fold.quarantines.all(), [id as RepoName, state]]),
    of: (fold, id) => {
      const held = fold.quarantines.of(id as RepoName);
      return held.length === 0 ? undefined : held;
    },
    ids: (fold) => fold.quarantines.all().map(([repo]) => repo),
    move: (from, to, id) =>
      to.quarantines.restore([
        ...to.quarantines.all().filter(([repo]) => repo !== id),
        [id as RepoName, from.quarantines.of(id as RepoName)],
      ]),
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
    move: (from, to, id) => {
      const others = to.effects.list().filter(({ stream }) => stream !== id);
      const all = [...others, ...openOf(from, id)].sort((a, b) => a.position - b.position);
      to.effects.restore(all, to.effects.started);
    },
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
    move: (from, to) => {
      for (const [scope, usd] of from.budgets) to.budgets.set(scope, usd);
      to.capSetAt = from.capSetAt;
      to.effects.restore(to.effects.list(), from.effects.started);
    },
  },
} satisfies Record<string, Kind>;

export type Table = keyof typeof KINDS;
export const TABLES = Object.keys(KINDS) as Table[];
export const kindOf = (table: Table): Kind => KINDS[table];

/** Makes one fold what another has that is open. */
export function moveOpen(all: Fold, open: Fold): void {
  for (const table of TABLES)
    for (const id of new Set([...kindOf(table).ids(all), ...kindOf(table).ids(open)]))
      kindOf(table).move(all, open, id);
}
