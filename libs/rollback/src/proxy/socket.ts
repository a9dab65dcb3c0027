import { type FileHandle, open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';

const MAX_ANSWER = 4 << 20;

/**
 * One exchange on HAProxy's admin socket: the commands in one line, the answers as one text. At most 4 MiB and `timeoutMs`.
 * Rejects when HAProxy is not there. The socket's path may be longer than the 108 bytes that `sun_path` holds, so
 * it is reached through its folder's descriptor.
 */
export async function ask(socket: string, commands: readonly string[], timeoutMs = 2_000): Promise<string> {
  return reached(socket, (path) => exchange(path, `${commands.join(';')}\n`, timeoutMs));
}

/** Runs `use` with a path to the socket that is short enough; the path is gone afterwards. */
export async function reached<T>(socket: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder: FileHandle | null = socket.length > 100 ? await open(dirname(socket), 'r') : null;
  const path =
    folder === null ? socket : `/proc/self/fd/${folder.fd}/${socket.slice(dirname(socket).length + 1)}`;
  try {
    return await use(path);
  } finally {
    await folder?.close();
  }
}

/** Sends one command and hands on what comes, until HAProxy ends or the returned function is called. `end` is called exactly once. */
export function follow(
  socket: string,
  command: string,
  on: { open(): void; data(text: string): void; end(): void },
): () => void {
  let client: Socket | null = null;
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    client?.destroy();
    on.end();
  };
  const connected = (path: string) =>
    new Promise<void>((resolve, reject) => {
      client = connect(path);
      client.setEncoding('utf8');
      client.on('error', reject);
      client.on('close', () => {
        end();
        reject(new Error('closed'));
      });
      client.on('data', (text) => {
        if (!over) on.data(String(text));
      });
      client.on('connect', () => {
        client?.write(`${command}\n`);
        if (!over) on.open();
        resolve();
      });
      // Whoever hung up before it was connected.
      if (over) client.destroy();
      client.unref();
    });
  reached(socket, connected).catch(end);
  return end;
}

function exchange(path: string, line: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const client = connect(path);
    const timer = setTimeout(
      () => client.destroy(new Error(`HAProxy did not answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
    client.on('connect', () => client.write(line));
    client.on('data', (part) => {
      size += part.length;
      if (size > MAX_ANSWER) client.destroy(new Error('HAProxy answered more than 4 MiB'));
      parts.push(part);
    });
    client.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    client.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(parts).toString('utf8'));
    });
  });
}
