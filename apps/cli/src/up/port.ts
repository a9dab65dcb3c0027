import { connect, createServer } from 'node:net';
import { codeOf } from '../fail.ts';

const HOST = '127.0.0.1';

/** A port on loopback that is free at this moment. */
export async function freePort(): Promise<number> {
  const port = await tryListen(0);
  if (port === null) throw new Error('no free port on loopback');
  return port;
}

/** Listens and lets go again; the port, or null when it is taken. */
function tryListen(wanted: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) =>
      codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'EACCES' ? resolve(null) : reject(error),
    );
    server.listen({ port: wanted, host: HOST, exclusive: true }, () => {
      const address = server.address();
      const port = address === null || typeof address === 'string' ? null : address.port;
      server.close(() => resolve(port));
    });
  });
}

export const isFree = async (port: number): Promise<boolean> => (await tryListen(port)) !== null;

/** Whether somebody accepts connections there, within a second. */
export function listensOn(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: HOST, timeout: 1_000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
