import type { Envelope, Instant, RepoName, RunId } from '@millwright/domain';

// Which entries a reader of the trail asks for, by position: sorted lists in memory, one a run, repository, actor and type. A page is the
// intersection of a few of them, from a position on, so it costs the same at the start and at the end of a long trail. In memory and not
// in the database, since every index on `entries` is paid for by every append, under the one lock (docs/decisions/0005).

/** What an entry concerns beyond what its envelope says. */
export type Concerns = { run: RunId | null; repo: RepoName | null };

export type TrailFilter = {
  run?: RunId;
  repo?: RepoName;
  /** Any of these. `agent/` stands for every role, `runner/` for every runner. */
  actors?: readonly string[];
  /** Any of these. `gate.` stands for every type that begins so. */
  types?: readonly string[];
  /** Milliseconds since the epoch: from this instant on, and before that one. */
  from?: Instant;
  to?: Instant;
};

/** Positions beyond `after` and before `before`, both exclusive; `newest` turns the order around. */
export type TrailPage = { after: number; before: number; limit: number; newest: boolean };

/** A growing sorted list. 4 bytes a position, which is enough for four thousand million entries. */
class Positions {
  #held = new Uint32Array(8);
  #size = 0;

  push(position: number): void {
    if (this.#size === this.#held.length) {
      const wider = new Uint32Array(Math.ceil(this.#size * 1.5));
      wider.set(this.#held);
      this.#held = wider;
    }
    this.#held[this.#size++] = position;
  }

  get size(): number {
    return this.#size;
  }

  at(index: number): number | undefined {
    return index < this.#size ? this.#held[index] : undefined;
  }

  /** How many are at most `position`. Gallops from `hint`, so that walking along costs little a step. */
  upTo(position: number, hint: number): number {
    let [low, high] = [0, this.#size];
    if (hint < high && (this.#held[hint] ?? 0) <= position) {
      for (let step = 1; ; step *= 2) {
        low = hint + (step >> 1);
        if (hint + step >= this.#size) break;
        if ((this.#held[hint + step] ?? 0) > position) {
          high = hint + step;
          break;
        }
      }
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#held[middle] ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Walks positions upwards or downwards: the nearest one beyond `position`, or undefined at the end. */
type Walk = (position: number) => number | undefined;

const walkOf = (list: Positions, newest: boolean): Walk => {
  let hint = 0;
  if (newest) return (position) => list.at(list.upTo(position - 1, 0) - 1);
  return (position) => {
    hint = list.upTo(position, hint);
    return list.at(hint);
  };
};

const anyOf = (walks: readonly Walk[], newest: boolean): Walk => {
  const pick = newest ? Math.max : Math.min;
  return (position) => {
    const found = walks.flatMap((walk) => walk(position) ?? []);
    return found.length === 0 ? undefined : pick(...found);
  };
};

/** Entries in a block, of whose times the earliest and the latest are known. Clocks of several processes need not agree, so order says nothing. */
const BLOCK = 1_024;

export class TrailIndex {
  #head = 0;
  readonly #runs = new Map<RunId, Positions>();
  readonly #repos = new Map<RepoName, Positions>();
  readonly #actors = new Map<string, Positions>();
  readonly #types = new Map<string, Positions>();
  readonly #times: number[] = [];
  readonly #earliest: number[] = [];
  readonly #latest: number[] = [];

  /** In the order of the trail, each once. */
  add(
    { position, actor, type, at }: Pick<Envelope, 'position' | 'actor' | 'type' | 'at'>,
    { run, repo }: Concerns,
  ): void {
    this.#head = position;
    into(this.#actors, actor, position);
    into(this.#types, type, position);
    if (run !== null) into(this.#runs, run, position);
    if (repo !== null) into(this.#repos, repo, position);
    const block = Math.floor((position - 1) / BLOCK);
    this.#times[position - 1] = at;
    this.#earliest[block] = Math.min(this.#earliest[block] ?? Number.POSITIVE_INFINITY, at);
    this.#latest[block] = Math.max(this.#latest[block] ?? 0, at);
  }

  hasActor(id: string): boolean {
    return this.#actors.has(id);
  }

  /** The positions of a page, in its order. */
  page(filter: TrailFilter, { after, before, limit, newest }: TrailPage): number[] {
    const wanted = this.#lists(filter, newest);
    const [low, high] = this.#bounds(filter, after, Math.min(before, this.#head + 1));
    const inTime = (position: number): boolean => {
      const at = this.#times[position - 1] ?? 0;
      return at >= (filter.from ?? 0) && at < (filter.to ?? Number.POSITIVE_INFINITY);
    };
    const found: number[] = [];
    const step = newest ? -1 : 1;
    let last = newest ? high : low;
    while (found.length < limit) {
      const next = nearest(wanted, last, step);
      if (next === undefined || next <= low || next >= high) break;
      if (inTime(next)) found.push(next);
      last = next;
    }
    return found;
  }

  #lists(filter: TrailFilter, newest: boolean): Walk[] {
    const lists: Positions[][] = [];
    const none = new Positions();
    if (filter.run !== undefined) lists.push([this.#runs.get(filter.run) ?? none]);
    if (filter.repo !== undefined) lists.push([this.#repos.get(filter.repo) ?? none]);
    if (filter.actors !== undefined) lists.push(named(this.#actors, filter.actors, '/'));
    if (filter.types !== undefined) lists.push(named(this.#types, filter.types, '.'));
    const size = (list: Positions[]) => list.reduce((sum, one) => sum + one.size, 0);
    // The rarest leads: the others are only asked about what it has.
    return lists
      .sort((a, b) => size(a) - size(b))
      .map((list) =>
        anyOf(
          list.map((one) => walkOf(one, newest)),
          newest,
        ),
      );
  }

  /** Positions outside of which no entry is of the time asked for; blocks are looked at, not entries. */
  #bounds({ from, to }: TrailFilter, after: number, before: number): [low: number, high: number] {
    let [low, high] = [after, before];
    if (from !== undefined) {
      const block = this.#latest.findIndex((latest) => latest >= from);
      low = block < 0 ? high : Math.max(low, block * BLOCK);
    }
    if (to !== undefined)
      high = Math.min(high, (this.#earliest.findLastIndex((earliest) => earliest < to) + 1) * BLOCK + 1);
    return [low, high];
  }
}

/** The nearest position beyond `last` that every walk has: whoever is behind goes on to where the farthest is. */
function nearest(walks: readonly Walk[], last: number, step: 1 | -1): number | undefined {
  const [lead, ...others] = walks;
  if (lead === undefined) return last + step;
  let at = lead(last);
  for (let agreed = 0; at !== undefined && agreed < others.length; ) {
    const other: number | undefined = others[agreed]?.(at - step);
    if (other === undefined) return undefined;
    if (other === at) agreed += 1;
    else {
      at = lead(other - step);
      agreed = 0;
    }
  }
  return at;
}

function into<K>(map: Map<K, Positions>, key: K, position: number): void {
  const list = map.get(key) ?? new Positions();
  if (list.size === 0) map.set(key, list);
  list.push(position);
}

/** Lists under these names; one that ends with the separator stands for all that begin with it. */
function named(map: Map<string, Positions>, names: readonly string[], separator: string): Positions[] {
  const found = names.flatMap((name) =>
    name.endsWith(separator) ? [...map.keys()].filter((key) => key.startsWith(name)) : [name],
  );
  return [...new Set(found)].flatMap((name) => map.get(name) ?? []);
}
