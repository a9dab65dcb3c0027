// Who of those that want to work is next, where not all may at once. Pure: what is at work, what waits, and what bounds it are given.

/** A stage that is at work, or waits for its turn. */
export type Sharer = {
  repo: string;
  unit: string /** Labels that its runner must have. */;
  needs?: readonly string[];
};

/** A runner that takes work: what it has, and how much at once. */
export type Places = { labels: ReadonlySet<string>; of: number };

export type Sharing<S extends Sharer> = {
  /** The oldest run's first. */
  waiting: readonly S[];
  atWork: readonly Sharer[];
  /** How many may be at work at once: by `factory`, `unit/NAME` and `repo/NAME`. What is not there has no bound. */
  limits: ReadonlyMap<string, number>;
  /** Of the runners that take work now; null: their number bounds nothing. */
  places: readonly Places[] | null;
  /** By `unit/NAME` and `repo/NAME`: which turn it had last, counted up. */
  served: ReadonlyMap<string, number>;
};

export const unitKey = ({ unit }: Sharer): string => `unit/${unit}`;
export const repoKey = ({ repo }: Sharer): string => `repo/${repo}`;

/** A limit that is reached; or: all places of runners that have what it needs are given away, of which there may be none. */
export type Bound =
  | { kind: 'limit'; scope: string; of: number }
  | { kind: 'places'; needs: readonly string[]; of: number };

/** What bounds it now, the narrowest first; null: nothing, so that it may begin when it is its turn. */
export function boundOf(
  sharing: Pick<Sharing<Sharer>, 'atWork' | 'limits' | 'places'>,
  stage: Sharer,
): Bound | null {
  const { atWork, limits, places } = sharing;
  for (const scope of [repoKey(stage), unitKey(stage), 'factory']) {
    const of = limits.get(scope);
    const there = atWork.filter(
      (one) => scope === 'factory' || scope === repoKey(one) || scope === unitKey(one),
    );
    if (of !== undefined && there.length >= of) return { kind: 'limit', scope, of };
  }
  return places === null ? null : fullPlaces(places, atWork, stage);
}

/** Null: what is at work leaves it a place, wherever each of that is done. What no runner fits takes none. */
function fullPlaces(places: readonly Places[], atWork: readonly Sharer[], stage: Sharer): Bound | null {
  const { needs = [] } = stage;
  const fits = (labels: ReadonlySet<string>, wanted: readonly string[]) =>
    wanted.every((one) => labels.has(one));
  const of = places.reduce((sum, place) => sum + (fits(place.labels, needs) ? place.of : 0), 0);
  // Those of the same needs are one: there are few. A bipartite matching, grown by an augmenting path for each that is at work, and at last for it.
  const kinds = new Map<string, { needs: readonly string[]; count: number }>();
  for (const one of atWork) {
    const key = (one.needs ?? []).join(' ');
    kinds.set(key, { needs: one.needs ?? [], count: (kinds.get(key)?.count ?? 0) + 1 });
  }
  const free = places.map((place) => place.of);
  const taken = places.map(() => new Map<readonly string[], number>());
  const place = (wanted: readonly string[], seen = new Set<number>()): boolean =>
    places.some(({ labels }, at) => {
      const there = taken[at];
      if (there === undefined || seen.has(at) || !fits(labels, wanted)) return false;
      seen.add(at);
      if ((free[at] ?? 0) > 0) free[at] = (free[at] ?? 0) - 1;
      else {
        const moved = [...there].find(([other, count]) => count > 0 && place(other, seen));
        if (moved === undefined) return false;
        there.set(moved[0], moved[1] - 1);
      }
      there.set(wanted, (there.get(wanted) ?? 0) + 1);
      return true;
    });
  for (const kind of kinds.values()) for (let nth = 0; nth < kind.count && place(kind.needs); nth += 1);
  return place(needs) ? null : { kind: 'places', needs, of };
}

/**
 * The one that begins next: of the unit that has least at work, in it of the repository that has least; where that is the same, of the one whose last
 * turn is longest ago; in a repository the oldest run's. Null: none may.
 */
export function nextOf<S extends Sharer>(sharing: Sharing<S>): S | null {
  const { waiting, atWork, served } = sharing;
  // Its place and its needs alone bound a stage: one look a repository.
  const bounded = new Map<string, boolean>();
  const may = waiting.filter((stage) => {
    const key = [repoKey(stage), unitKey(stage), ...(stage.needs ?? [])].join(' ');
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
