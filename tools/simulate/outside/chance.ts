/** Numbers that follow from a seed and from how many were drawn before: sfc32, which passes PractRand. */
export class Chance {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed`: a whole number below 2³². `of`: what it is drawn for; one seed gives each its own numbers. */
  constructor(seed: number, of: string) {
    this.#a = seed >>> 0;
    this.#b = [...of].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, 7);
    this.#c = 0x9e37_79b9;
    for (let i = 0; i < 12; i += 1) this.#next();
  }

  #next(): number {
    const sum = (((this.#a + this.#b) >>> 0) + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0;
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** From `least` to `most`, whole, both of them possible. */
  between(least: number, most: number): number {
    return least + (this.#next() % (most - least + 1));
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.between(1, times) === 1;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)] as T;
  }
}
