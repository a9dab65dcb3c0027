import {
  type Actor,
  covers,
  type EntryOf,
  evolveHalts,
  evolveTarget,
  type ForwardAct,
  type Halt,
  type HaltScope,
  type Halts,
  haltedMs,
  haltOf,
  type Instant,
  inForceHalts,
  nameOfScope,
  noTarget,
  type RecordedEntry,
  type RepoName,
  resumeCommand,
  retryable,
  type StreamId,
  streamOf,
  type TargetState,
  type Trail,
} from '@millwright/domain';
import { Hold } from '@millwright/rollback';

// *May this go forward?*, asked before every forward act, and answered from the trail's own streams: the factory's, with its halts, and the
// target's, with its freeze. Nothing that is projected for reading is asked. What goes forward here meanwhile is told by its signal.

/** Why something may not go forward now. */
export type Stop =
  | { kind: 'halted'; halt: Halt }
  | { kind: 'frozen'; repo: RepoName; frozen: NonNullable<TargetState['frozen']> };

/** A stream that is folded as it grows: each look reads only what is new. One look at a time. */
class Folded<S> {
  readonly #trail: Pick<Trail, 'read'>;
  readonly #stream: StreamId;
  readonly #evolve: (state: S, recorded: RecordedEntry) => S;
  #version = 0;
  #tail: Promise<unknown> = Promise.resolve();
  state: S;

  constructor(
    trail: Pick<Trail, 'read'>,
    stream: StreamId,
    initial: S,
    evolve: (state: S, recorded: RecordedEntry) => S,
  ) {
    this.#trail = trail;
    this.#stream = stream;
    this.#evolve = evolve;
    this.state = initial;
  }

  /** After a redaction: the stream is read anew, so that nothing of the words that were in it is kept. */
  forget(initial: S): Promise<S> {
    this.#tail = this.#tail.then(() => {
      this.#version = 0;
      this.state = initial;
    });
    return this.look();
  }

  /** The state with everything that is on the stream by now. */
  look(): Promise<S> {
    const mine = this.#tail.then(async () => {
      for (const one of await this.#trail.read(this.#stream, this.#version)) {
        this.state = this.#evolve(this.state, one);
        this.#version = one.envelope.version;
      }
      return this.state;
    });
    // A look that fails is its caller's; the next one begins where the last good one ended.
    this.#tail = mine.catch(() => undefined);
    return mine;
  }
}

type UnderWay = { act: ForwardAct; what: string; hold: AbortController };

export class Forward {
  readonly #trail: Pick<Trail, 'read'>;
  readonly #halts: Folded<Halts>;
  readonly #targets = new Map<RepoName, Folded<TargetState>>();
  readonly #underWay = new Set<UnderWay>();
  #closed: string | null = null;

  constructor(trail: Pick<Trail, 'read'>) {
    this.#trail = trail;
    this.#halts = new Folded<Halts>(trail, streamOf.factory(), [], (halts, { entry, envelope }) =>
      entry === null ? halts : evolveHalts(halts, entry, envelope),
    );
  }

  /** A target as its own stream has it now. */
  target(repo: RepoName): Promise<TargetState> {
    return this.#target(repo).look();
  }

  /** Null: it may. Rejects where the streams cannot be read: then nothing goes forward. */
  async stopped(act: ForwardAct): Promise<Stop | null> {
    await Promise.all([this.#halts.look(), ...this.#targetOf(act).map(({ look }) => look())]);
    return this.known(act);
  }

  /** As of the last look, for people to read; whoever acts asks `stopped`. */
  known(act: ForwardAct): Stop | null {
    const halt = haltOf(this.#halts.state, act);
    if (halt !== null) return { kind: 'halted', halt };
    const frozen = this.#targetOf(act)[0]?.state().frozen ?? null;
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
    return [...this.#underWay].filter(({ act }) => covers(scope, act)).map(({ what }) => what);
  }

  /** The halts in force. */
  async halts(): Promise<Halt[]> {
    return inForceHalts(await this.#halts.look());
  }

  /** For how long between two instants such an act was halted, as of the last look. Milliseconds. */
  haltedMs(act: ForwardAct, from: Instant, to: Instant): number {
    return haltedMs(this.#halts.state, act, from, to);
  }

  /** Somebody said something that may stop what is under way: looks, and holds what may not go on. Rejects as `stopped` does. */
  async hear(): Promise<void> {
    const acts = [...this.#underWay];
    await this.#halts.look();
    await Promise.all([...new Set(acts.flatMap(({ act }) => this.#targetOf(act)))].map(({ look }) => look()));
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

  /** Reads the streams anew, after words of them were erased. */
  async forget(): Promise<void> {
    this.#targets.clear();
    await this.#halts.forget([]);
  }

  /** The factory stops. */
  closed(): boolean {
    return this.#closed !== null;
  }

  #target(repo: RepoName): Folded<TargetState> {
    const known = this.#targets.get(repo);
    if (known !== undefined) return known;
    const fresh = new Folded<TargetState>(
      this.#trail,
      streamOf.target(repo),
      noTarget(),
      (state, { entry, envelope }) => (entry === null ? state : evolveTarget(state, entry, envelope)),
    );
    this.#targets.set(repo, fresh);
    return fresh;
  }

  /** The target that such an act touches. */
  #targetOf({ action, repo }: ForwardAct): { look: () => Promise<TargetState>; state: () => TargetState }[] {
    if (action !== 'deploy' || repo === null) return [];
    const folded = this.#target(repo);
    return [{ look: () => folded.look(), state: () => folded.state }];
  }
}

/** Entries after which `hear` is called, whoever appended them. */
export const stops = (entry: RecordedEntry['entry']): boolean =>
  entry?.type === 'factory.halted' || entry?.type === 'target.frozen';
/** Entries after which what waited may go on. */
export const lifts = (entry: RecordedEntry['entry']): entry is EntryOf<'factory.resumed' | 'target.thawed'> =>
  entry?.type === 'factory.resumed' || entry?.type === 'target.thawed';

/** Not a failure: whoever throws it waits, and goes on once it may. */
export const halted = (stop: Stop | string) =>
  retryable('halted', typeof stop === 'string' ? stop : reasonOf(stop));

/** `name`: how who said so is called, where people read it. */
export function reasonOf(stop: Stop, name: (actor: Actor) => string = String): string {
  switch (stop.kind) {
    case 'halted':
      return `${nameOfScope(stop.halt.scope)} is halted by ${name(stop.halt.by)}: ${stop.halt.reason}`;
    case 'frozen':
      return `the target of ${stop.repo} is frozen by ${stop.frozen.by === 'factory' ? 'the factory' : name(stop.frozen.who)}: ${stop.frozen.reason}`;
  }
}

/** Who said so, and when. */
export const saidBy = (stop: Stop): { by: Actor; at: Instant } =>
  stop.kind === 'halted'
    ? { by: stop.halt.by, at: stop.halt.at }
    : { by: stop.frozen.who, at: stop.frozen.at };

/** The exact command that lets it go on. */
export function nextOf(stop: Stop): string {
  switch (stop.kind) {
    case 'halted':
      return resumeCommand(stop.halt.scope);
    case 'frozen':
      return `./millwright release thaw ${stop.repo} --reason "…"`;
  }
}
