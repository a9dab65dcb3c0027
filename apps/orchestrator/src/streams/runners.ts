import type { OpenTrail } from '@millwright/audit';
import {
  type AttemptId,
  type Halt,
  haltOf,
  labelsOf,
  type Places,
  type Queue,
  RunnerSaid,
  VERSION,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Logger } from 'pino';
import type { Forward } from './forward.ts';

type Ports = { forward: Forward; log: Logger; queue: Queue; store: Store; trail: OpenTrail };

/** A runner that lives. */
export type LivingRunner = RunnerSaid & {
  /** The halt that drains it. */
  drain: Halt | null;
};

/** Between two looks at who is there. Milliseconds; a look is three small queries. */
const LOOK_MS = 500;

/** Whether it is given work. */
export const takesWork = ({ drain, version }: LivingRunner): boolean => drain === null && version === VERSION;

/**
 * The runners that live, by what they say of themselves beside the trail. Nothing is recorded by it: it says how much work may be given out, and whom
 * to wake. Where that cannot be read, it is known as it was read last.
 */
export class Runners {
  readonly #ports: Ports;
  #known: readonly LivingRunner[] = [];
  #places: readonly Places[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Resolves after the first look; looks until `stop`. `changed`: there is another number of places. */
  async start(changed: () => void): Promise<void> {
    const look = () =>
      this.look().catch((error: unknown) =>
        this.#ports.log.info({ err: error }, 'runners cannot be looked at'),
      );
    await look();
    const again = () => {
      this.#timer = setTimeout(async () => {
        const before = JSON.stringify(this.#known);
        await look();
        if (JSON.stringify(this.#known) !== before) changed();
        if (this.#timer !== undefined) again();
      }, LOOK_MS);
    };
    again();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Those that live, by name, as of now. */
  async look(): Promise<readonly LivingRunner[]> {
    const { store, trail, forward } = this.#ports;
    const notes = await store.notes.list('runner/');
    const said = notes.map(({ text }) => RunnerSaid.parse(JSON.parse(text)));
    const [alive, halts] = await Promise.all([
      trail.alive(said.map(({ incarnation }) => incarnation)),
      forward.halts(),
    ]);
    const drains = halts.filter(({ scope }) => scope.kind === 'runner');
    const none = { action: 'stage', repo: null, unit: null, model: null } as const;
    this.#known = said
      .filter(({ incarnation }) => alive.has(incarnation))
      .map((one) => ({ ...one, drain: haltOf(drains, { ...none, runner: one.name }) }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.since - b.since));
    // Those that have the same are one: a thousand runners are of a few kinds.
    const kinds = new Map<string, Places>();
    for (const one of this.#known.filter(takesWork)) {
      const labels = labelsOf(one);
      const key = [...labels].sort().join(' ');
      kinds.set(key, { labels, of: (kinds.get(key)?.of ?? 0) + one.concurrency });
    }
    this.#places = [...kinds.values()];
    return this.#known;
  }

  /** As of the last look. */
  known(): readonly LivingRunner[] {
    return this.#known;
  }

  /** What may be given out, as of the last look. */
  places(): readonly Places[] {
    return this.#places;
  }

  /** Wakes whoever is free of those that may take it: by name where some that take work lack what it needs. */
  async wake(attempt: AttemptId, needs: readonly string[]): Promise<void> {
    const { queue, trail } = this.#ports;
    const takers = this.#known.filter(takesWork);
    const fit = takers.filter((one) => needs.every((label) => labelsOf(one).has(label)));
    if (fit.length === takers.length) return queue.wake('attempts', attempt);
    const held = await trail.heldClaims();
    const share = ({ incarnation, concurrency }: LivingRunner) =>
      held.filter((claim) => claim.incarnation === incarnation).length / concurrency;
    const [freest] = fit.toSorted((a, b) => share(a) - share(b));
    // Where there is none, it is looked for again.
    if (freest !== undefined) await queue.wake(`attempts-${freest.name}`, attempt);
  }
}
