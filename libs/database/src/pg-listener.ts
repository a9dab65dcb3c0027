import { connect, type Sql } from './connect.ts';

/** Listens on a connection of its own. What a lost notification would have said must be polled for by whoever listens. */
export type PgListener = {
  /** Opens it, also again where it was lost. Cheap: call it at every poll. */
  listen(): void;
  /** For whoever found by polling what no notification told of: the next `listen` opens another connection. */
  reconnect(): void;
  close(): Promise<void>;
};

/** Tells each channel's notifications, and an empty one whenever it begins to listen. */
export function openPgListener(url: string, channels: Record<string, (payload: string) => void>): PgListener {
  let current: Sql | undefined;
  let closed = false;
  const reconnect = () => {
    current?.end({ timeout: 0 }).catch(() => undefined); // another is opened by the next `listen`
    current = undefined;
  };
  const listen = () => {
    if (closed || current !== undefined) return;
    const made = connect(url, { max: 1 });
    current = made;
    for (const [channel, tell] of Object.entries(channels))
      made
        .listen(channel, tell, () => tell(''))
        .catch(() => {
          if (current === made) reconnect();
        });
  };
  return {
    listen,
    reconnect,
    close: async () => {
      closed = true;
      const made = current;
      current = undefined;
      await made?.end({ timeout: 1 });
    },
  };
}
