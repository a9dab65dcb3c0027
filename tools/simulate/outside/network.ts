import type { Clock } from '@millwright/domain';
import type { Chance } from './chance.ts';
import type { Process, Time } from './time.ts';

/** What a process reaches over a network. */
export type Service = 'database' | 'queue' | 'remote' | 'target' | 'model';

type Asked<T> = {
  /** It changes something: it may be done and its answer lost. */
  changes?: boolean;
  /** What is thrown where the service cannot be reached, or its answer is lost. */
  away: (why: string) => Error;
  work: () => T | Promise<T>;
};

/** How long it takes to find out that nobody is there. Milliseconds. */
const AWAY_MS = [20, 400] as const;

/**
 * The network of a drive. Each call takes its time there and back; what is on its way when its process dies arrives all the same, and its answer is
 * heard by nobody. Calls of one process that change something at one service arrive in the order in which they were made.
 */
export class Network {
  readonly #time: Time;
  readonly #chance: Chance;
  /** Who cannot reach what, now. */
  readonly cut = new Set<string>();
  /** Services whose answers get lost now. */
  readonly deaf = new Set<Service>();
  /** Services that nobody reaches now. */
  readonly away = new Set<Service>();
  /** Links that take so many times as long as ever. */
  readonly slow = new Map<string, number>();
  readonly #last = new Map<string, number>();

  constructor(time: Time, chance: Chance) {
    this.#time = time;
    this.#chance = chance;
  }

  reaches(process: Process, service: Service): boolean {
    return !this.away.has(service) && !this.cut.has(`${process.name}>${service}`);
  }

  call<T>(service: Service, { changes = false, away, work }: Asked<T>): Promise<T> {
    const { process } = this.#time;
    if (process === null) throw new Error('nobody calls');
    if (!process.alive) return new Promise(() => undefined);
    return new Promise<T>((resolve, reject) => {
      const answer = (ms: number, how: () => void) => this.#time.after(ms, process, how);
      const lost = (why: string) => answer(this.#chance.between(...AWAY_MS), () => reject(away(why)));
      if (!this.reaches(process, service)) return void lost(`${service} cannot be reached`);
      const there = this.#arrival(process, service, changes);
      this.#time.after(there, null, () => {
        if (!this.reaches(process, service)) return void lost(`${service} cannot be reached`);
        const [unheard, back] = [
          changes && this.deaf.has(service),
          changes ? this.#latency(`${process.name}>${service}`) : 0,
        ];
        const done = (how: () => void) =>
          unheard ? lost(`the answer of ${service} was lost`) : answer(back, how);
        const worked = attempt(work);
        if (worked instanceof Promise)
          worked.then(
            (value) => done(() => resolve(value)),
            (error: unknown) => done(() => reject(error)),
          );
        else if ('error' in worked) done(() => reject(worked.error));
        else done(() => resolve(worked.value));
      });
    });
  }

  #latency(link: string): number {
    return this.#chance.between(1, 4) * (this.slow.get(link) ?? 1);
  }

  #arrival(process: Process, service: Service, changes: boolean): number {
    const key = `${process.name}>${service}`;
    const at = this.#time.now + this.#latency(key);
    if (!changes) return at - this.#time.now;
    const after = Math.max(at, this.#last.get(key) ?? 0);
    this.#last.set(key, after);
    return after - this.#time.now;
  }
}

function attempt<T>(work: () => T | Promise<T>): Promise<T> | { value: T } | { error: unknown } {
  try {
    const value = work();
    return value instanceof Promise ? value : { value };
  } catch (error) {
    return { error };
  }
}

/** A process's own clock. */
export const clockOf = (time: Time, process: Process): Clock => ({
  now: () => time.now + process.ahead,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      }, ms);
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
    }),
});
