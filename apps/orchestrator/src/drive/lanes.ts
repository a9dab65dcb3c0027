/** One at a time a key, in order of arrival. Within one process: between processes the resource itself decides (lease, fence). */
export class Lanes<K> {
  readonly #tails = new Map<K, Promise<void>>();

  readonly #inside = new Map<K, number>();

  /** Somebody is at work, or waits to be. */
  busy(key: K): boolean {
    return (this.#inside.get(key) ?? 0) > 0;
  }

  /** Somebody waits for whoever is at work. */
  waited(key: K): boolean {
    return (this.#inside.get(key) ?? 0) > 1;
  }

  async run<T>(key: K, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(work);
    // The lane goes on whatever becomes of this one; its own caller gets the error.
    const tail = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#tails.set(key, tail);
    this.#inside.set(key, (this.#inside.get(key) ?? 0) + 1);
    try {
      return await mine;
    } finally {
      this.#inside.set(key, (this.#inside.get(key) ?? 1) - 1);
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
