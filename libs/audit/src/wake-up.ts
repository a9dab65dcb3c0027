/** Lets one loop sleep until it is woken or its time has come. A wake-up while nobody sleeps is kept. */
export class WakeUp {
  #rung = false;
  #wake: () => void = () => undefined;

  wake(): void {
    this.#rung = true;
    this.#wake();
  }

  /** True: it was rung. False: `ms` have passed. */
  async wait(ms: number): Promise<boolean> {
    const rung = await new Promise<boolean>((resolve) => {
      if (this.#rung) return resolve(true);
      const timer = setTimeout(resolve, ms, false);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    this.#rung = false;
    this.#wake = () => undefined;
    return rung;
  }
}
