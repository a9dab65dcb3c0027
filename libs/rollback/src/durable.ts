import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Durable and atomic: written beside, synced, renamed. One writer at a time. */
export async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.new`, 'w', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

/** A record of ours, or `none` before the first one. Throws on a file that `parse` does not take: nothing is guessed. */
export async function readOurs<T>(path: string, none: T, parse: (text: string) => T): Promise<T> {
  try {
    return parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return none;
    throw new Error(`${path} was not written by the factory; move it away and deploy again`, {
      cause: error,
    });
  }
}
