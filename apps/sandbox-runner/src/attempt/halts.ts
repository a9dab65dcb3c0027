import type { RunnerTrail } from '@millwright/audit';
import {
  type Clock,
  cancelled,
  evolveHalts,
  type ForwardAct,
  type Halt,
  type Halts,
  haltedMs,
  haltOf,
  type Instant,
  inForceHalts,
  nameOfScope,
  type PlacedAct,
  type RepoName,
  type RunnerName,
  type UnitName,
  VERSION,
} from '@millwright/domain';

// *May this go forward?* in a runner: asked of the factory's own stream before each call of a model, and looked at all the time for what is under way.

/** Between two looks for what is under way. With what ending a sandbox takes, a halt is over well within a second. */
const LOOK_MS = 150;

/** What is under way, and whom to tell. */
type UnderWay = { act: () => ForwardAct; hold: AbortController };

export class HaltWatch {
  readonly #trail: Pick<RunnerTrail, 'halts' | 'units'>;
  readonly #clock: Clock;
  readonly #runner: RunnerName;
  readonly #underWay = new Set<UnderWay>();
  readonly #closed = new AbortController();
  /** Of the repositories that were asked about; looked up once a unit was ever halted. */
  readonly #repos = new Set<RepoName>();
  #units: ReadonlyMap<RepoName, UnitName> = new Map();
  #halts: Halts = [];
  #version = 0;
  /** Of the factory, as it was started last; null: nobody has started it. */
  #started: string | null = null;
  #looking: Promise<void> | null = null;

  /** `runner`: whose acts these are. */
  constructor(trail: Pick<RunnerTrail, 'halts' | 'units'>, clock: Clock, runner: RunnerName) {
    this.#trail = trail;
    this.#clock = clock;
    this.#runner = runner;
  }

  /** Whether this runner takes work, read now: where it does not, others do. Rejects where the trail cannot be read. */
  async takes(): Promise<'takes' | 'drained' | { factoryIs: string }> {
    await this.#look();
    if (this.#started !== null && this.#started !== VERSION) return { factoryIs: this.#started };
    const drains = inForceHalts(this.#halts).filter(({ scope }) => scope.kind === 'runner');
    return drains.some(({ scope }) => scope.kind === 'runner' && scope.runner === this.#runner)
      ? 'drained'
      : 'takes';
  }

  /** The halt that keeps this act from going forward, read now; null: it may. Rejects where the trail cannot be read. */
  async stopped(act: ForwardAct): Promise<Halt | null> {
    // One that began before this call may have read before what this call must see.
    if (this.#looking !== null) await this.#looking.catch(() => undefined);
    if (act.repo !== null) this.#repos.add(act.repo);
    await this.#look();
    return haltOf(this.#halts, this.#placed(act));
  }

  /** For how long such an act was halted, as of the last look. Milliseconds. */
  haltedMs(act: ForwardAct, from: Instant, to: Instant): number {
    return haltedMs(this.#halts, this.#placed(act), from, to);
  }

  /** `signal` is aborted by a cancelled 'halted' as soon as such an act is halted. `act` may learn its model on the way. */
  async during<T>(act: () => ForwardAct, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const mine: UnderWay = { act, hold: new AbortController() };
    this.#underWay.add(mine);
    try {
      return await work(mine.hold.signal);
    } finally {
      this.#underWay.delete(mine);
    }
  }

  /** Looks until `close`; the trail being away stops nothing that is under way, and nothing new begins then either. */
  async watch(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      await this.#clock.sleep(LOOK_MS, this.#closed.signal).catch(() => undefined);
      if (this.#underWay.size > 0 && !this.#closed.signal.aborted) await this.#look().catch(() => undefined);
    }
  }

  close(): void {
    this.#closed.abort(new Error('the runner stops'));
  }

  #look(): Promise<void> {
    this.#looking ??= this.#read().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #read(): Promise<void> {
    for (const { entry, envelope } of await this.#trail.halts(this.#version)) {
      if (entry?.type === 'factory.started') this.#started = entry.data.version;
      else if (entry !== null) this.#halts = evolveHalts(this.#halts, entry, envelope);
      this.#version = envelope.version;
    }
    await this.#readUnits();
    for (const { act, hold } of this.#underWay) {
      const halt = haltOf(this.#halts, this.#placed(act()));
      if (halt !== null) hold.abort(haltedBy(halt));
    }
  }

  /** A repository may come into a unit that is halted, or be asked about for the first time. */
  async #readUnits(): Promise<void> {
    const ofUnits = this.#halts.filter(({ scope }) => scope.kind === 'unit');
    const unread = [...this.#repos].some((repo) => !this.#units.has(repo));
    if (inForceHalts(ofUnits).length > 0 || (ofUnits.length > 0 && unread))
      this.#units = await this.#trail.units([...this.#repos]);
  }

  #placed(act: ForwardAct): PlacedAct {
    const unit = act.repo === null ? null : (this.#units.get(act.repo) ?? null);
    return { ...act, unit, runner: this.#runner };
  }
}

/** The attempt is handed back: whoever claims it after the halt goes on where it was. */
export const haltedBy = ({ scope, by, reason }: Halt) =>
  cancelled('halted', `${nameOfScope(scope)} is halted by ${by}: ${reason}`);
