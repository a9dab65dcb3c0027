import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { removeTree } from '../engine/host.ts';

/** A git bundle of a source, under the SHA-256 of its bytes, in hex. `bytes` is only asked for where they are not there yet. */
export type Bundle = { key: string; bytes(): Promise<Uint8Array> };
/** What a bundle says before its pack: refs by name, each with its commit. */
type Refs = ReadonlyMap<string, string>;

/**
 * The objects of one source, as packs in a folder named after its first bundle, and the refs of each bundle that is in them. Packs are made
 * by clean containers, which compute the id of every object that they index; they are moved in whole, and a bundle is noted last, so that
 * whoever is killed leaves nothing half. Containers see it read-only. Several processes may fill it: what they make has the same name and bytes.
 */
export type Cache = { path: string; objects: string };

const PACK = /^pack-[0-9a-f]{40,64}\.(?:pack|rev|idx)$/;
/** A pack is there for git once its index is. */
const ORDER = ['.pack', '.rev', '.idx'];

export function cacheOf(engine: Engine, [first]: readonly Bundle[]): Cache | null {
  if (first === undefined) return null;
  const path = join(engine.folders.sources, first.key);
  return { path, objects: join(path, 'objects') };
}

export const bundleOfBytes = (bytes: Uint8Array): Bundle => ({
  key: createHash('sha256').update(bytes).digest('hex'),
  bytes: async () => bytes,
});

/** The refs of a bundle that is in the cache already; null where it is not. */
export async function cached({ path }: Cache, { key }: Bundle): Promise<Refs | null> {
  const text = await readFile(join(path, 'bundles', key), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === null ? null : readRefs(text.split('\n'));
}

/** Moves the packs that a clean container left in `from` into the cache, then notes their bundles. */
export async function keep(
  engine: Engine,
  { path, objects }: Cache,
  from: string,
  bundles: readonly { key: string; refs: Refs }[],
): Promise<void> {
  for (const folder of ['bundles', 'objects/pack']) await mkdir(join(path, folder), { recursive: true });
  const made = (await readdir(from)).filter((name) => PACK.test(name));
  for (const ending of ORDER)
    for (const name of made.filter((one) => one.endsWith(ending)))
      if ((await lstat(join(from, name))).isFile())
        await rename(join(from, name), join(objects, 'pack', name));
  for (const { key, refs } of bundles) {
    const beside = join(engine.folders.scratch, engine.name());
    await writeFile(beside, [...refs].map(([ref, commit]) => `${commit} ${ref}\n`).join(''));
    await rename(beside, join(path, 'bundles', key));
  }
}

/** Out of sight at once; those who have it mounted keep what they see. */
export async function forget(engine: Engine, { path }: Cache): Promise<void> {
  const gone = join(engine.folders.scratch, engine.name());
  await rename(path, gone).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await removeTree(gone);
}

/** A bundle's header and its pack (gitformat-bundle(5), version 2 and 3); null for anything else. Pure. */
export function readBundle(bytes: Uint8Array): { refs: Refs; pack: Uint8Array } | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.indexOf('\n\nPACK');
  if (end < 0 || !/^# v[23] git bundle\n/.test(buffer.toString('latin1', 0, 16))) return null;
  const [, ...lines] = buffer.toString('utf8', 0, end).split('\n');
  return { refs: readRefs(lines), pack: buffer.subarray(end + 2) };
}

function readRefs(lines: readonly string[]): Refs {
  return new Map(
    lines.flatMap((line) => {
      const [, commit, ref] = /^([0-9a-f]{40,64}) (\S+)$/.exec(line) ?? [];
      return commit === undefined || ref === undefined ? [] : [[ref, commit] as const];
    }),
  );
}
