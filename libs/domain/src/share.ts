// Who of those that want to work is next, where not all may at once. Pure: what is at work, what waits, and what bounds it are given.

/** A stage that is at work, or waits for its turn. */
export type Sharer = { repo: string; unit: string };

export type Sharing<S extends Sharer> = {
  /** The oldest run's first. */
  waiting: readonly S[];
  atWork: readonly Sharer[];
  /** How many may be at work at once: by `factory`, `unit/NAME` and `repo/NAME`. What is not there has no bound. */
  limits: ReadonlyMap<string, number>;
  /** By `unit/NAME` and `repo/NAME`: which turn it had last, counted up. */
  served: ReadonlyMap<string, number>;
};

export const unitKey = ({ unit }: Sharer): string => `unit/${unit}`;
export const repoKey = ({ repo }: Sharer): string => `repo/${repo}`;

/** A limit that is reached. */
export type Bound = { scope: string; of: number };

/** What bounds it now, the narrowest first; null: nothing, so that it may begin when it is its turn. */
export function boundOf(
  { atWork, limits }: Pick<Sharing<Sharer>, 'atWork' | 'limits'>,
  stage: Sharer,
): Bound | null {
  for (const scope of [repoKey(stage), unitKey(stage), 'factory']) {
    const of = limits.get(scope);
    const there = atWork.filter(
      (one) => scope === 'factory' || scope === repoKey(one) || scope === unitKey(one),
    );
    if (of !== undefined && there.length >= of) return { scope, of };
  }
  return null;
}

/**
 * The one that begins next: of the unit that has least at work, in it of the repository that has least; where that is the same, of the one whose last
 * turn is longest ago; in a repository the oldest run's. Null: none may.
 */
export function nextOf<S extends Sharer>(sharing: Sharing<S>): S | null {
  const { waiting, atWork, served } = sharing;
  // Its place alone bounds a stage: one look a repository.
  const bounded = new Map<string, boolean>();
  const may = waiting.filter((stage) => {
    const key = `${repoKey(stage)} ${unitKey(stage)}`;
    const known = bounded.get(key) ?? boundOf(sharing, stage) !== null;
    bounded.set(key, known);
    return !known;
  });
  const least = (of: readonly S[], key: (stage: Sharer) => string): readonly S[] => {
    const rank = (scope: string) =>
      [atWork.filter((one) => key(one) === scope).length, served.get(scope) ?? 0] as const;
    const [first, ...rest] = [...new Set(of.map(key))].map((scope) => ({ scope, rank: rank(scope) }));
    if (first === undefined) return [];
    const best = rest.reduce((a, b) => ((b.rank[0] - a.rank[0] || b.rank[1] - a.rank[1]) < 0 ? b : a), first);
    return of.filter((stage) => key(stage) === best.scope);
  };
  return least(least(may, unitKey), repoKey)[0] ?? null;
}
