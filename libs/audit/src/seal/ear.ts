import { socketHost } from '@millwright/domain';
import postgres from 'postgres';

/** Listens on a connection of its own. What a lost notification would have said must be polled for by whoever listens. */
export type Ear = {
  /** Opens it again where it was lost. Cheap: call it at every poll. */
  ensure(): void;
  /** Somebody found by polling what no notification told of. */
  deaf(): void;
  close(): Promise<void>;
};

export function openEar(url: string, heard: Record<string, (payload: string) => void>): Ear {
  let current: postgres.Sql | undefined;
  let closed = false;
  const deaf = () => {
    current?.end({ timeout: 0 }).catch(() => undefined); // another is opened by the next `ensure`
    current = undefined;
  };
  const ensure = () => {
    if (closed || current !== undefined) return;
    const made = postgres(url, {
      ...socketHost(url),
      max: 1,
      fetch_types: false,
      connect_timeout: 10,
      onnotice: () => undefined,
    });
    current = made;
    for (const [channel, tell] of Object.entries(heard))
      made
        .listen(channel, tell, () => tell(''))
        .catch(() => {
          if (current === made) deaf();
        });
  };
  return {
    ensure,
    deaf,
    close: async () => {
      closed = true;
      const made = current;
      current = undefined;
      await made?.end({ timeout: 1 });
    },
  };
}

/** Lets one loop sleep until it is woken or its time has come. A wake-up while nobody sleeps is kept. */
export class Bell {
  #rung = false;
  #wake: () => void = () => undefined;

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** True: it was rung. False: `ms` have passed. */
  async heard(ms: number): Promise<boolean> {
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
