import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BaseFacts } from './judge.ts';
import type { Prepared } from './run-suite.ts';

// Raised when what is learned or how changes, so that old files are not read.
const FORM = 5;

/** Remembers what a base's runs taught, by a key that names tree, dependencies, image and command. */
export type BaseMemory = {
  get(key: string): Promise<BaseFacts | null>;
  set(key: string, facts: BaseFacts): Promise<void>;
  /** Who learns what now, by key. */
  readonly learning: Map<string, Promise<BaseFacts>>;
};

/** What a base's runs depend on, as the name that they are remembered by. */
export const memoryKey = (
  toolchain: { name: string },
  on: Prepared,
  image: string,
  { script }: { script: string },
): string =>
  JSON.stringify([toolchain.name, on.checkout.tree, on.layer?.key ?? '', on.image ?? image, script]);

/** Keeps what bases taught in memory and, given a folder of the runner's own, across restarts. A file that cannot be read counts as not there. */
export function memoryOf(folder: string | null): BaseMemory {
  const held = new Map<string, BaseFacts>();
  const fileOf = (key: string) =>
    folder === null
      ? null
      : join(folder, `${createHash('sha256').update(`${FORM}\n${key}`).digest('hex')}.json`);
  return {
    learning: new Map(),
    async get(key) {
      const known = held.get(key);
      const file = fileOf(key);
      if (known !== undefined || file === null) return known ?? null;
      const text = await readFile(file, 'utf8').catch(() => null);
      if (text === null) return null;
      const facts = JSON.parse(text) as BaseFacts;
      held.set(key, facts);
      return facts;
    },
    async set(key, facts) {
      held.set(key, facts);
      const file = fileOf(key);
      if (file === null || folder === null) return;
      await mkdir(folder, { recursive: true });
      const half = `${file}.${process.pid}`;
      await writeFile(half, JSON.stringify(facts));
      await rename(half, file);
    },
  };
}
