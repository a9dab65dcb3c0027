import {
  type AttemptId,
  Fold,
  type GitSha,
  nextActorOfTicket,
  type RecordedEntry,
  type ReleaseId,
  type RepoName,
  type RunEntry,
  type RunId,
  type RunState,
  runStream,
  streamOf,
  type TicketId,
} from '@millwright/domain';
import type { Outside } from './outside/outside.ts';

// What has to hold in every drive, after every step, and at its end. Read off the trail and off what the outside has, never off what the factory
// has in memory. The numbers are those of the factory's list of threats.

export type Broken = { invariant: string; what: string };

/** Nobody may be without a runner for so long while one lives. Milliseconds. */
const TAKEN_OVER_MS = 5_000;

export class Invariants {
  readonly #outside: Outside;
  readonly #shop: RepoName;
  #position = 0;
  readonly #fold = new Fold();
  readonly #runs = new Map<RunId, RunState>();
  #calls = 0;
  #pushes = 0;
  #shifts = 0;
  #fence = 0;
  #idle: number | null = null;

  constructor(outside: Outside, shop: RepoName) {
    this.#outside = outside;
    this.#shop = shop;
  }

  /** What does not hold after this step; null: all does. */
  step(): Broken | null {
    const { database, calls, forge, shifts } = this.#outside;
    while (this.#position < database.head) {
      const one = database.entries[this.#position] as RecordedEntry;
      this.#position += 1;
      if (one.envelope.position !== this.#position)
        return broken('the trail is dense', `entry ${this.#position} is ${one.envelope.position}`);
      this.#fold.fold(one);
      const wrong = this.#entry(one);
      if (wrong !== null) return wrong;
    }
    for (; this.#calls < calls.length; this.#calls += 1) {
      const wrong = this.#call(this.#calls);
      if (wrong !== null) return wrong;
    }
    for (; this.#pushes < forge.pushes.length; this.#pushes += 1) {
      const wrong = this.#push(this.#pushes);
      if (wrong !== null) return wrong;
    }
    for (; this.#shifts < shifts.length; this.#shifts += 1) {
      const wrong = this.#shift(this.#shifts);
      if (wrong !== null) return wrong;
    }
    for (const [scope, { cap, spent, reserved }] of database.budgets)
      if (reserved < 0 || spent < 0 || (cap !== null && spent + reserved > cap))
        return broken('a cap holds (34)', `${scope}: ${spent} spent, ${reserved} reserved, cap ${cap}`);
    return this.#abandoned();
  }

  /** Whatever is recorded was due, or a person's to say, on the stream as it was. */
  #entry({ envelope, entry }: RecordedEntry): Broken | null {
    const { stream, at, version, actor } = envelope;
    if (this.#outside.database.read(stream)[version - 1]?.envelope.position !== envelope.position)
      return broken('a stream is dense', `version ${version} of ${stream} is another entry`);
    if (stream.startsWith('run/')) {
      const id = stream.slice('run/'.length) as RunId;
      const { decider } = runStream(id);
      const state = this.#runs.get(id) ?? decider.initialState();
      const decided = decider.decide({ record: entry as RunEntry, actor, at }, state);
      if (decided.kind === 'rejected')
        return broken('only what is due is recorded', `${entry.type} of ${id}: ${decided.reason}`);
      this.#runs.set(id, decider.evolve(state, entry, { actor, at }));
    }
    if (stream.startsWith('attempt/')) return this.#attempt({ envelope, entry });
    if (
      entry.type === 'merge.finished' &&
      entry.data.delivered === 'merge' &&
      !this.#onBranch(entry.data.commit)
    )
      return broken('merged is what the remote has (41)', `${entry.data.commit} is not on the branch`);
    return null;
  }

  #onBranch(commit: GitSha): boolean {
    const { forge } = this.#outside;
    return forge.isAncestor(commit, forge.branches.get('main') as GitSha);
  }

  /** One runner at a time has an attempt, and only that one speaks of it. */
  #attempt({ envelope, entry }: RecordedEntry): Broken | null {
    const { database } = this.#outside;
    const { stream, version, actor } = envelope;
    const before = database.read(stream).slice(0, version - 1);
    const holder = before.findLast((one) => one.entry.type === 'attempt.claimed')?.entry;
    const by = holder?.type === 'attempt.claimed' ? holder.data.incarnation : null;
    if (entry.type === 'attempt.claimed' && by !== null) {
      const former = database.claims
        .get(entry.data.attempt)
        ?.find(({ fence }) => fence === entry.data.fence - 1);
      const beat = database.sessions.get(by);
      const lives = beat !== undefined && this.#outside.time.now - beat <= 10_000;
      if (former?.released === false && lives)
        return broken('one runner has an attempt (3)', `${actor} took ${stream} from ${by}, which lives`);
    }
    const speaks =
      actor.startsWith('runner/') && !['attempt.claimed', 'attempt.refused'].includes(entry.type);
    if (speaks && actor !== `runner/${by}`)
      return broken('who lost an attempt says nothing of it (4)', `${actor}: ${entry.type} on ${stream}`);
    return null;
  }

  /** A model is asked only after that was said, and once, unless what it said was lost. */
  #call(nth: number): Broken | null {
    const { calls, database } = this.#outside;
    const call = calls[nth];
    if (call === undefined) return null;
    const { attempt, turn } = call;
    const said = database.read(streamOf.attempt(attempt)).map(({ entry }) => entry);
    const asked = said.filter((entry) => entry.type === 'turn.asked' && entry.data.turn === turn).length;
    const name = `turn ${turn} of ${attempt}`;
    if (asked === 0) return broken('said before it is done (2)', `${name} was asked for in silence`);
    const paid = calls.slice(0, nth + 1).filter((one) => one.attempt === attempt && one.turn === turn).length;
    const lost = said.filter((entry) => entry.type === 'turn.lost' && entry.data.turn === turn).length;
    if (paid > 1 + lost)
      return broken('no turn is paid for twice (3)', `${name}: ${paid} times, lost ${lost}`);
    return null;
  }

  /** What is pushed was said before, and is pushed once. */
  #push(nth: number): Broken | null {
    const { forge, database } = this.#outside;
    const push = forge.pushes[nth];
    if (push === undefined) return null;
    const said = database.entries.map(({ entry }) => entry);
    const merge = database.entries.find(
      ({ entry }) => entry.type === 'merge.started' && entry.data.commit === push.commit,
    );
    const reverts = said.filter(
      ({ type }) => type === 'revert.started' || type === 'target.revert-started',
    ).length;
    const before = forge.pushes.slice(0, nth);
    if (before.some(({ branch, commit }) => branch === push.branch && commit === push.commit))
      return broken('an effect happens once a key (2)', `${push.commit} was pushed twice`);
    if (merge === undefined) {
      const others = before.filter(({ commit }) => !this.#merges(commit)).length;
      return others < reverts
        ? null
        : broken('said before it is done (2)', `${push.commit} was pushed in silence`);
    }
    const own = database
      .read(merge.envelope.stream)
      .flatMap(({ entry }) => (entry.type === 'merge.started' ? [entry.data.commit] : []));
    const twice = before.filter(({ branch, commit }) => branch === 'main' && own.includes(commit));
    if (push.branch === 'main' && twice.some(({ commit }) => this.#onBranch(commit)))
      return broken('a run merges once (1)', `${merge.envelope.stream} merged ${own.join(' and ')}`);
    return null;
  }

  #merges(commit: GitSha): boolean {
    return this.#outside.database.entries.some(
      ({ entry }) => entry.type === 'merge.started' && entry.data.commit === commit,
    );
  }

  /** Whoever lost a target shifts nothing on it any more; what gets traffic was said before. */
  #shift(nth: number): Broken | null {
    const { shifts, database } = this.#outside;
    const shift = shifts[nth];
    if (shift === undefined) return null;
    if (shift.fence < this.#fence)
      return broken('one fence has a target (29)', `traffic went under ${shift.fence}, after ${this.#fence}`);
    this.#fence = shift.fence;
    const said = database.read(streamOf.target(this.#shop)).map(({ entry }) => entry);
    for (const [release, percent] of shift.weights) {
      if (percent === 0 || release === liveOf(this.#outside, this.#shop)) continue;
      const known = said.some(
        (entry) => entry.type === 'target.effect-started' && entry.data.release === release,
      );
      if (!known) return broken('said before it is done (2)', `${release} got traffic in silence`);
    }
    return null;
  }

  /** A dead runner's attempts are somebody else's soon. */
  #abandoned(): Broken | null {
    const { database, time, runners, network, quietFrom } = this.#outside;
    if (time.elapsed < quietFrom || network.away.size > 0 || !runners().some(({ alive }) => alive))
      return null;
    const open = [...database.claims].filter(([, rows]) => {
      const row = rows.at(-1);
      return row !== undefined && !row.closed && !row.released && !database.sessions.has(row.incarnation);
    });
    if (open.length === 0) this.#idle = null;
    else this.#idle ??= time.now;
    if (this.#idle === null || time.now - this.#idle < TAKEN_OVER_MS) return null;
    return broken('a dead runner is taken over from (3)', `${open.map(([attempt]) => attempt).join(', ')}`);
  }

  /** Why it is not at rest: what the factory has to do by itself yet. Null: all waits for people, or is over. */
  working(tickets: readonly TicketId[]): string | null {
    const fold = this.#fold;
    const { now } = this.#outside.time;
    for (const id of tickets) {
      const ticket = fold.tickets.get(id);
      if (ticket === undefined) return `${id} is not filed`;
      const run = ticket.runs.at(-1);
      const state = (run && fold.run(run)) ?? { kind: 'none' as const };
      const unanswered = ticket.incident?.answered === false;
      const next = nextActorOfTicket({ state: ticket.state, unanswered, run: state }, now);
      if (next.who === 'factory' || next.who === 'runner')
        return `${id} is ${ticket.state}; ${next.who}: ${next.what}`;
    }
    for (const ticket of fold.tickets.values())
      if (ticket.incident?.answered === false) return `${ticket.id} is an incident without an answer`;
    const attempt = [...fold.attempts.values()].find(({ endedAt }) => endedAt === null);
    return attempt === undefined ? null : openAttempt(attempt.attempt);
  }

  /** When all is at rest. */
  async end(tickets: readonly TicketId[]): Promise<Broken | null> {
    const { database, target, forge } = this.#outside;
    const fold = this.#fold;
    for (const id of tickets)
      if (!fold.tickets.has(id)) return broken('no ticket is lost', `${id} is not there`);
    const live = liveOf(this.#outside, this.#shop);
    const serving = [...(await target.state()).serving].map(([id, percent]) => `${id}=${percent}`).join(' ');
    if (serving !== (live === null ? '' : `${live}=100`))
      return broken('what serves is what is recorded (11)', `${serving || 'nothing'}, recorded: ${live}`);
    for (const state of this.#runs.values()) {
      if (state.kind !== 'run' || state.merge?.kind !== 'finished' || state.merge.delivered !== 'merge')
        continue;
      const { commit } = state.merge;
      if (state.closed?.end === 'done' && !this.#onBranch(commit))
        return broken('nobody’s work is lost', `${state.id} is done, and ${commit} is not on the branch`);
    }
    const said = new Set<string>(
      database.entries.flatMap(({ entry }) => {
        switch (entry.type) {
          case 'merge.finished':
          case 'revert.finished':
          case 'target.revert-finished':
            return entry.data.commit === null ? [] : [entry.data.commit];
          default:
            return [];
        }
      }),
    );
    for (const { branch, commit } of forge.pushes)
      if (branch === 'main' && !said.has(commit))
        return broken('every effect has its outcome', `${commit} is on the branch, and nobody says so`);
    for (const [scope, { reserved }] of database.budgets)
      if (reserved !== 0) return broken('a crash leaks no reservation (34)', `${scope}: ${reserved}`);
    const [open] = fold.effects.list();
    if (open !== undefined) return broken('every effect has its outcome', `${open.key} has none`);
    return null;
  }
}

const broken = (invariant: string, what: string): Broken => ({ invariant, what });

export function liveOf({ database }: Outside, shop: RepoName): ReleaseId | null {
  const last = database.read(streamOf.target(shop)).findLast(({ entry }) => entry.type === 'target.released');
  return last?.entry.type === 'target.released' ? last.entry.data.release : null;
}

const openAttempt = (id: AttemptId) => `${id} is open`;
