import { usage } from '../fail.ts';

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
export function decoded(bytes: Uint8Array, from: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw usage(`${from} is not UTF-8 text`);
    throw error;
  }
}
