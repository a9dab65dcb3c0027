import { readFileSync, statSync } from 'node:fs';
import { codeOf, usage } from '../fail.ts';

/** All of stdin as UTF-8, refused beyond `maxBytes`: nothing is cut silently. */
export async function readStdin(maxBytes: number, what: string): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of process.stdin) {
    const chunk = Buffer.from(part);
    bytes += chunk.length;
    if (bytes > maxBytes) throw usage(`${what} is at most ${maxBytes} bytes; stdin gave more`);
    parts.push(chunk);
  }
  return decoded(Buffer.concat(parts), 'stdin');
}

/** UTF-8, strictly: a file in another character set is refused, not garbled. */
function decoded(bytes: Uint8Array, from: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw usage(`${from} is not UTF-8 text`);
    throw error;
  }
}

/** A file as text, refused beyond `maxBytes`. `else`: the command that takes it from stdin, where there is one. */
export function readText(
  path: string,
  { maxBytes, what, else: instead }: { maxBytes: number; what: string; else?: string },
): string {
  try {
    const { size } = statSync(path);
    if (size > maxBytes)
      throw usage(`${path} is ${size} bytes; ${what} is at most ${maxBytes} (${maxBytes / 1024} KiB)`);
    return decoded(readFileSync(path), path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT')
      throw usage(
        `there is no file ${path}`,
        instead === undefined ? 'check the path' : `check the path, or give it on stdin: ${instead}`,
      );
    if (code === 'EISDIR') throw usage(`${path} is a folder; ${what} is one file`);
    if (code === 'EACCES') throw usage(`${path} may not be read by this user`);
    throw error;
  }
}
