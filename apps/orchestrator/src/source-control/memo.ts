/**
 * Results that can never change, because their keys name git objects by what is in them. The oldest go when there are more than
 * `limit`; a failure, or what `keep` refuses, is not held. Each git process costs 5–8 ms here, and a ticket asked the same of git up to eight times.
 */
export class Memo<T> {
  readonly #held = new Map<string, Promise<T>>();
  readonly #limit: number;
  readonly #keep: (value: T) => boolean;

  constructor(limit: number, keep: (value: T) => boolean = () => true) {
    this.#limit = limit;
    this.#keep = keep;
  }

  /** Also to have it made ahead: nobody need wait for what it returns, or hear of its failure. */
  of(key: readonly string[], work: () => Promise<T>): Promise<T> {
    const name = JSON.stringify(key);
    const known = this.#held.get(name);
    if (known) return known;
    const made = work();
    this.#held.set(name, made);
    const [oldest] = this.#held.keys();
    if (this.#held.size > this.#limit && oldest !== undefined) this.#held.delete(oldest);
    const forget = () => {
      if (this.#held.get(name) === made) this.#held.delete(name);
    };
    made.then((value) => {
      if (!this.#keep(value)) forget();
    }, forget);
    return made;
  }
}
