import { type FileHandle, open } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';

const MAX_ANSWER = 4 << 20;

/**
 * One exchange on HAProxy's admin socket: the commands in one line, the answers as one text. At most 4 MiB and `timeoutMs`.
 * Rejects when HAProxy is not there. The socket's path may be longer than the 108 bytes that `sun_path` holds, so
 * it is reached through its folder's descriptor.
 */
export async function ask(socket: string, commands: readonly string[], timeoutMs = 2_000): Promise<string> {
  const folder: FileHandle | null = socket.length > 100 ? await open(dirname(socket), 'r') : null;
  const path =
    folder === null ? socket : `/proc/self/fd/${folder.fd}/${socket.slice(dirname(socket).length + 1)}`;
  try {
    return await exchange(path, `${commands.join(';')}\n`, timeoutMs);
  } finally {
    await folder?.close();
  }
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
