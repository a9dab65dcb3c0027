import { once } from 'node:events';
import { createServer } from 'node:http';

/** Serves `app` on a port (0: a free one). `close` lets requests under way finish, for five seconds at most. */
export async function listen(app, port) {
  const server = createServer(app);
  server.listen(port);
  await once(server, 'listening');
  return {
    port: server.address().port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const force = setTimeout(() => server.closeAllConnections(), 5_000);
      await closed;
      clearTimeout(force);
    },
  };
}
