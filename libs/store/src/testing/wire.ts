import { connect, createServer, type Socket } from 'node:net';

/** A way to a server that can be cut or black-holed: in a black hole nothing comes through and nothing is refused. */
export type Wire = {
  port: number;
  /** Takes connections and bytes in, and passes nothing on, until `open`. */
  blackHole(): void;
  open(): void;
  close(): Promise<void>;
};

export async function wireTo(port: number): Promise<Wire> {
  let holes = false;
  const sockets = new Set<Socket>();
  const hold = () => {
    for (const socket of sockets) socket[holes ? 'pause' : 'resume']();
  };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    hold();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const set = (to: boolean) => () => {
    holes = to;
    hold();
  };
  return {
    port: address.port,
    blackHole: set(true),
    open: set(false),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
