/**
 * One result made before it is asked for: the newest alone, for `keptMs` at most, and handed out once. What fails, or what `keep` refuses,
 * was never made. For work that will most likely be wanted in a moment, while nobody waits for it.
 */
export class Prefetch<T> {
  readonly #keep: (made: T) => boolean;
  readonly #keptMs: number;
  #held: { key: string; made: Promise<T | null>; timer: NodeJS.Timeout } | null = null;

  constructor(keptMs: number, keep: (made: T) => boolean) {
    [this.#keptMs, this.#keep] = [keptMs, keep];
  }

  /** Does nothing where the same is held or being made. */
  begin(key: string, make: () => Promise<T>): void {
    if (this.#held?.key === key) return;
    this.#forget();
    const made = make().then(
      (one) => (this.#keep(one) ? one : null),
      () => null,
    );
    this.#held = { key, made, timer: setTimeout(() => this.#forget(), this.#keptMs).unref() };
  }

  /** Null where it was not begun, or did not become anything. */
  async take(key: string): Promise<T | null> {
    if (this.#held?.key !== key) return null;
    const { made } = this.#held;
    this.#forget();
    return made;
  }

  /** Resolves when nothing is being made. */
  async over(): Promise<void> {
    await this.#held?.made;
  }

  #forget(): void {
    clearTimeout(this.#held?.timer);
    this.#held = null;
  }
}
