import { AsyncLocalStorage } from 'node:async_hooks';

// Time that passes as the simulator says, for code that knows nothing of it: while a drive runs, the timers and clocks of this process are the
// simulator's, for whatever was begun within a simulated process, and the real ones for everything else. One event is at work at a time; the next
// begins when nothing of the one before is left to do. So a drive is a function of its seed, as long as nothing in it waits for anything real.

/** A process that is simulated: what it began ends with it. */
export class Process {
  readonly name: string;
  alive = true;
  /** Stopped (SIGSTOP) until then. */
  stoppedUntil = 0;
  /** Of its own clock, ahead of the true time. Milliseconds. */
  ahead = 0;
  /** Does something as this process; made when it is asked for first. */
  enter: (<T>(work: () => T) => T) | null = null;

  constructor(name: string) {
    this.name = name;
  }
}

type Event = { at: number; nth: number; process: Process | null; run: () => void; dropped: boolean };

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  now: Date.now,
  elapsed: performance.now.bind(performance),
};

/** Where a drive's time begins: 1 March 2026. */
const BEGIN = 1_772_323_200_000;

class Timer {
  readonly time: Time;
  event: Event | null = null;

  constructor(time: Time) {
    this.time = time;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return false;
  }

  [Symbol.dispose](): void {
    this.time.cancel(this);
  }
}

export class Time {
  now = BEGIN;
  /** Events that were at work. */
  steps = 0;
  readonly #within = new AsyncLocalStorage<Process>();
  readonly #heap: Event[] = [];
  #nth = 0;

  get begin(): number {
    return BEGIN;
  }

  /** Milliseconds since the drive began. */
  get elapsed(): number {
    return this.now - BEGIN;
  }

  /** Who is at work. */
  get process(): Process | null {
    return this.#within.getStore() ?? null;
  }

  /** Does something as that process. */
  as<T>(process: Process, work: () => T): T {
    process.enter ??= this.#within.run(process, () => AsyncLocalStorage.snapshot());
    return process.enter(work);
  }

  /** After `ms`; what belongs to a process is done while it runs, and not at all once it is dead. */
  after(ms: number, process: Process | null, run: () => void): Event {
    const event: Event = { at: this.now + Math.max(0, ms), nth: this.#nth++, process, run, dropped: false };
    this.#push(event);
    return event;
  }

  cancel(timer: unknown): void {
    if (timer instanceof Timer && timer.event !== null) timer.event.dropped = true;
  }

  /** Lets time pass until `over`, or for `ms` at most. `each` is called after each event. */
  async pass(ms: number, over: () => boolean, each: () => void): Promise<void> {
    const end = this.now + ms;
    while (!over()) {
      const event = this.#pop();
      if (event === undefined) return;
      if (event.at > end) {
        this.#push(event);
        this.now = end;
        return;
      }
      if (event.dropped || event.process?.alive === false) continue;
      this.now = event.at;
      const { process } = event;
      if (process !== null && process.stoppedUntil > this.now) {
        event.at = process.stoppedUntil;
        this.#push(event);
        continue;
      }
      this.steps += 1;
      if (process === null) event.run();
      else this.as(process, event.run);
      // Whatever the event set going in this process of ours has ended when the loop comes by.
      await new Promise<void>((resolve) => real.setImmediate(resolve));
      each();
    }
  }

  /** Takes the place of the clocks and timers of this process. Returns what puts them back. */
  install(): () => void {
    const start = (process: Process, every: number | null, ms: number, run: () => void): Timer => {
      const timer = new Timer(this);
      const set = () => {
        timer.event = this.after(Math.max(1, ms), process, () => {
          if (every !== null) set();
          run();
        });
      };
      set();
      return timer;
    };
    const timed =
      (repeats: boolean, otherwise: typeof real.setTimeout | typeof real.setInterval) =>
      (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
        const { process } = this;
        if (process === null) return otherwise(run, ms, ...args);
        return start(process, repeats ? ms : null, ms, () => run(...args));
      };
    const cleared = (otherwise: (timer: never) => void) => (timer: unknown) =>
      timer instanceof Timer ? this.cancel(timer) : otherwise(timer as never);
    const own = () => this.now + (this.process?.ahead ?? 0);
    Object.assign(globalThis, {
      setTimeout: timed(false, real.setTimeout),
      setInterval: timed(true, real.setInterval),
      clearTimeout: cleared(real.clearTimeout),
      clearInterval: cleared(real.clearInterval),
    });
    Date.now = () => (this.process === null ? real.now() : own());
    performance.now = () => (this.process === null ? real.elapsed() : own() - BEGIN);
    return () => {
      const { setTimeout, setInterval, clearTimeout, clearInterval } = real;
      Object.assign(globalThis, { setTimeout, setInterval, clearTimeout, clearInterval });
      Date.now = real.now;
      performance.now = real.elapsed;
    };
  }

  #before(a: Event, b: Event): boolean {
    return a.at < b.at || (a.at === b.at && a.nth < b.nth);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Event;
      if (!this.#before(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      const left = heap[down];
      if (left === undefined) break;
      const right = heap[down + 1];
      if (right !== undefined && this.#before(right, left)) down += 1;
      const child = heap[down] as Event;
      if (!this.#before(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
    return first;
  }
}
