import { connect, type Sql } from './connect.ts';

/** Listens on a connection of its own. What a lost notification would have said must be polled for by whoever listens. */
export type Ear = {
  /** Opens it, also again where it was lost. Cheap: call it at every poll. */
  ensure(): void;
  /** Somebody found by polling what no notification told of. */
  deaf(): void;
  close(): Promise<void>;
};

/** Tells each channel's notifications, and an empty one whenever it begins to listen. */
export function openEar(url: string, heard: Record<string, (payload: string) => void>): Ear {
  let current: Sql | undefined;
  let closed = false;
  const deaf = () => {
    current?.end({ timeout: 0 }).catch(() => undefined); // another is opened by the next `ensure`
    current = undefined;
  };
  const ensure = () => {
    if (closed || current !== undefined) return;
    const made = connect(url, { max: 1 });
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
