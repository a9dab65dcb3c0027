import type { Act } from '@millwright/api';
import {
  type Actor,
  covers,
  type EntryOf,
  type ForwardAct,
  freezesOf,
  type Halt,
  type HaltScope,
  haltedMs,
  haltOf,
  type Instant,
  inForceHalts,
  nameOfScope,
  type PlacedAct,
  type RecordedEntry,
  type RepoName,
  retryable,
  type TargetState,
  type UnitName,
} from '@millwright/domain';
import { Hold } from '@millwright/rollback';
import type { Streams } from './streams.ts';

// *May this go forward?*, asked before every forward act, and answered from the trail's own streams: the factory's, with its halts, the
// repository's, with the unit that it is of, and the target's, with its freeze. Nothing that is projected for reading is asked. What goes forward here meanwhile is told by its signal.

/** Why something may not go forward now. */
export type Stop =
  | { kind: 'halted'; halt: Halt }
  | { kind: 'frozen'; repo: RepoName; frozen: NonNullable<TargetState['frozen']> };

type UnderWay = { act: ForwardAct; what: string; hold: AbortController };

export class Forward {
  readonly #streams: Streams;
  readonly #underWay = new Set<UnderWay>();
  #closed: string | null = null;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  /** A target as its own stream has it now. */
  target(repo: RepoName): Promise<TargetState> {
    return this.#streams.target(repo).look();
  }

  /** The unit that a repository is of, as its own stream has it now. */
  async unit(repo: RepoName): Promise<UnitName> {
    return (await this.#streams.repository(repo).look()).unit;
  }

  /** As it was read last, for going back while the trail cannot be read. */
  lastTarget(repo: RepoName): TargetState {
    return this.#streams.target(repo).known.state;
  }

  /** Null: it may. Rejects where the streams cannot be read: then nothing goes forward. */
  async stopped(act: ForwardAct): Promise<Stop | null> {
    const looked = [this.#streams.factory(), this.#repositoryOf(act), this.#targetOf(act)];
    await Promise.all(looked.map((stream) => stream?.look()));
    return this.known(act);
  }

  /** As of the last look, for people to read; whoever acts asks `stopped`. */
  known(act: ForwardAct): Stop | null {
    const halt = haltOf(this.#streams.factory().known.state.halts, this.#placed(act));
    if (halt !== null) return { kind: 'halted', halt };
    const frozen = this.#targetOf(act)?.known.state.frozen ?? null;
    return frozen === null || act.repo === null ? null : { kind: 'frozen', repo: act.repo, frozen };
  }

  /**
   * Does something that goes forward, if it may. `signal` is aborted by a `Hold` as soon as it may not any more, or the factory stops: then it is
   * to end by itself, with nothing of it left going. Throws a retryable 'halted' where it may not begin.
   */
  async during<T>(act: ForwardAct, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    // Known before it is asked: a halt that comes in between finds it.
    const mine: UnderWay = { act, what, hold: new AbortController() };
    this.#underWay.add(mine);
    try {
      const stop = await this.stopped(act);
      if (stop !== null) throw halted(stop);
      if (this.#closed !== null) throw halted(this.#closed);
      return await work(mine.hold.signal);
    } finally {
      this.#underWay.delete(mine);
    }
  }

  /** What goes forward here now and is within the scope, in words. */
  underWay(scope: HaltScope): string[] {
    return [...this.#underWay].filter(({ act }) => this.within(scope, act)).map(({ what }) => what);
  }

  /** Whether an act is of the scope, as of the last look. */
  within(scope: HaltScope, act: ForwardAct & Pick<PlacedAct, 'runner'>): boolean {
    return covers(scope, this.#placed(act));
  }

  /** The halts in force. */
  async halts(): Promise<Halt[]> {
    return inForceHalts((await this.#streams.factory().look()).halts);
  }

  /** For how long between two instants such an act was halted, as of the last look. Milliseconds. */
  haltedMs(act: ForwardAct, from: Instant, to: Instant): number {
    return haltedMs(this.#streams.factory().known.state.halts, this.#placed(act), from, to);
  }

  /** Somebody said something that may stop what is under way: looks, and holds what may not go on. Rejects as `stopped` does. */
  async hear(): Promise<void> {
    const acts = [...this.#underWay];
    const looked = new Set(acts.flatMap(({ act }) => [this.#repositoryOf(act), this.#targetOf(act)]));
    await Promise.all([this.#streams.factory().look(), ...[...looked].map((stream) => stream?.look())]);
    for (const one of this.#underWay) {
      const stop = this.known(one.act);
      if (stop !== null) one.hold.abort(new Hold(reasonOf(stop)));
    }
  }

  /** The factory stops: what is under way is held, and nothing begins any more. */
  close(reason: string): void {
    this.#closed = reason;
    for (const { hold } of this.#underWay) hold.abort(new Hold(reason));
  }

  /** The factory stops. */
  closed(): boolean {
    return this.#closed !== null;
  }

  #repositoryOf({ repo }: ForwardAct) {
    return repo === null ? null : this.#streams.repository(repo);
  }

  #placed(act: ForwardAct): PlacedAct {
    return { ...act, unit: this.#repositoryOf(act)?.known.state.unit ?? null };
  }

  /** The target that such an act touches. */
  #targetOf({ action, repo }: ForwardAct) {
    return action === 'deploy' && repo !== null ? this.#streams.target(repo) : null;
  }
}

/** Entries after which `hear` is called, whoever appended them. */
export const stops = (entry: RecordedEntry['entry']): boolean =>
  entry?.type === 'factory.halted' || entry?.type === 'target.frozen' || entry?.type === 'repo.moved';
/** Entries after which what waited may go on. */
export const lifts = (
  entry: RecordedEntry['entry'],
): entry is EntryOf<'factory.resumed' | 'target.thawed' | 'target.window-ended'> =>
  entry?.type === 'factory.resumed' ||
  entry?.type === 'target.thawed' ||
  entry?.type === 'target.window-ended';

/** Not a failure: whoever throws it waits, and goes on once it may. */
export const halted = (stop: Stop | string) =>
  retryable('halted', typeof stop === 'string' ? stop : reasonOf(stop));

/** `name`: how who said so is called, where people read it. */
export function reasonOf(stop: Stop, name: (actor: Actor) => string = String): string {
  switch (stop.kind) {
    case 'halted':
      return `${nameOfScope(stop.halt.scope)} is halted by ${name(stop.halt.by)}: ${stop.halt.reason}`;
    case 'frozen':
      return `the target of ${stop.repo} is frozen ${freezesOf(stop.frozen)
        .map(
          (one) =>
            `by ${one.by === 'person' ? name(one.who) : one.by === 'factory' ? 'the factory' : 'its freeze window'}: ${one.reason}`,
        )
        .join('; and ')}`;
  }
}

/** Who said so, and when. */
export const saidBy = (stop: Stop): { by: Actor; at: Instant } =>
  stop.kind === 'halted'
    ? { by: stop.halt.by, at: stop.halt.at }
    : { by: stop.frozen.who, at: stop.frozen.at };

/** What lets it go on. */
export const liftOf = (stop: Stop): Act =>
  stop.kind === 'halted'
    ? { act: 'resume', scope: stop.halt.scope, to: 'to let it go on' }
    : { act: 'thaw-target', repo: stop.repo, to: 'to let it go on' };
