import type { Clock } from '@millwright/domain';

// One breaker for all calls of a process to one model endpoint: after `after` failures in a row it opens, and nobody calls until the
// cool-down is over; then one call probes.  closed → open → probing → closed | open (cool-down doubled).

export type BreakerOptions = { after: number; coolMs: number; maxCoolMs: number };
const DEFAULTS: BreakerOptions = { after: 5, coolMs: 2_000, maxCoolMs: 60_000 };

/** How a call ended, as far as it tells of the endpoint: it answered, be it with a refusal; it failed; it was never made, or cancelled. */
export type CallTold = 'answered' | 'failed' | 'nothing';

/** Leave to make one call. It ends once, whatever happens to the call: a probe that never ended would keep everybody out. */
export type Pass = {
  end(told: CallTold): void;
  /** Ends one that was not ended as `nothing`. */
  [Symbol.dispose](): void;
};

export class Breaker {
  readonly #clock: Clock;
  readonly #options: BreakerOptions;
  #failures = 0;
  #cool: number;
  #openUntil = 0;
  #probe: Pass | null = null;

  constructor(clock: Clock, options: Partial<BreakerOptions> = {}) {
    this.#clock = clock;
    this.#options = { ...DEFAULTS, ...options };
    this.#cool = this.#options.coolMs;
  }

  get state(): 'closed' | 'open' | 'probing' {
    if (this.#failures < this.#options.after) return 'closed';
    return this.#probe === null ? 'open' : 'probing';
  }

  /** Resolves when this caller may call; rejects with the signal's reason. Take it with `using`: whatever is thrown meanwhile ends it. */
  async enter(signal?: AbortSignal): Promise<Pass> {
    while (this.state !== 'closed') {
      const wait = this.#openUntil - this.#clock.now();
      if (wait <= 0 && this.#probe === null) {
        this.#probe = this.#pass();
        return this.#probe;
      }
      await this.#clock.sleep(Math.max(wait, 50), signal);
    }
    return this.#pass();
  }

  #pass(): Pass {
    let ended = false;
    const pass: Pass = {
      end: (told) => {
        if (ended) return;
        ended = true;
        this.#ended(pass, told);
      },
      [Symbol.dispose]: () => pass.end('nothing'),
    };
    return pass;
  }

  #ended(pass: Pass, told: CallTold): void {
    const probed = this.#probe === pass;
    if (probed) this.#probe = null;
    if (told === 'answered') {
      this.#failures = 0;
      this.#cool = this.#options.coolMs;
    }
    if (told !== 'failed') return;
    this.#failures += 1;
    if (this.#failures < this.#options.after) return;
    if (probed) this.#cool = Math.min(this.#cool * 2, this.#options.maxCoolMs);
    this.#openUntil = this.#clock.now() + this.#cool;
  }
}
