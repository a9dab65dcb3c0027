import type { Clock } from '@millwright/domain';

// One breaker for all calls of a process to one model endpoint: after `after` failures in a row it opens, and nobody calls until the
// cool-down is over; then one call probes.  closed → open → probing → closed | open (cool-down doubled).

export type BreakerOptions = { after: number; coolMs: number; maxCoolMs: number };
const DEFAULTS: BreakerOptions = { after: 5, coolMs: 2_000, maxCoolMs: 60_000 };

export class Breaker {
  readonly #clock: Clock;
  readonly #options: BreakerOptions;
  #failures = 0;
  #cool: number;
  #openUntil = 0;
  #probing = false;

  constructor(clock: Clock, options: Partial<BreakerOptions> = {}) {
    this.#clock = clock;
    this.#options = { ...DEFAULTS, ...options };
    this.#cool = this.#options.coolMs;
  }

  get state(): 'closed' | 'open' | 'probing' {
    if (this.#failures < this.#options.after) return 'closed';
    return this.#probing ? 'probing' : 'open';
  }

  /** Resolves when this caller may call; rejects with the signal's reason. Whoever is let through must report by `succeeded`, `failed` or `left`. */
  async enter(signal?: AbortSignal): Promise<void> {
    while (this.state !== 'closed') {
      const wait = this.#openUntil - this.#clock.now();
      if (wait <= 0 && !this.#probing) {
        this.#probing = true;
        return;
      }
      await this.#clock.sleep(Math.max(wait, 50), signal);
    }
  }

  /** The endpoint answered, be it with a refusal. */
  succeeded(): void {
    this.#failures = 0;
    this.#probing = false;
    this.#cool = this.#options.coolMs;
  }

  /** A failure of the endpoint (overload, server error, no connection), not of one request. */
  failed(): void {
    this.#failures += 1;
    if (this.#failures < this.#options.after) return;
    if (this.#probing) this.#cool = Math.min(this.#cool * 2, this.#options.maxCoolMs);
    this.#probing = false;
    this.#openUntil = this.#clock.now() + this.#cool;
  }

  /** The call ended without saying anything about the endpoint: it was cancelled, or never made. */
  left(): void {
    this.#probing = false;
  }
}
