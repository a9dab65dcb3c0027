import { readFileSync } from 'node:fs';
import { chown, lstat, mkdir, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitSha } from '@millwright/domain';
import type { Engine } from '../engine/engine.ts';
import { AGENT } from '../engine/hardening.ts';
import { removeTree } from '../engine/host.ts';
import { DEFAULT_LIMITS } from '../engine/limits.ts';
import { runClean } from '../tool-process/clean.ts';
import type { Checkout, Refused } from './sandbox.ts';
import { type Bundle, type Cache, cached, cacheOf, forget, keep, readBundle } from './sources.ts';

const shell = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8');
/** Defines `unpack_tree`, for this script and the extraction's. */
export const UNPACK_TREE = shell('tree.sh');
const SCRIPT = `${UNPACK_TREE}${shell('checkout.sh')}`;
const MAX_FILES = 200_000;
const MAX_BYTES = 2_147_483_648;
/** What `unpack_tree` takes after the git directory. */
export const unpackArgs = (tree: string): string[] => [
  tree,
  String(MAX_FILES),
  String(MAX_BYTES),
  tree.length === 64 ? 'sha256' : 'sha1',
];

const REASONS: Record<number, [code: string, reason: string]> = {
  10: ['bad_bundle', 'the bundles cannot be read, or do not hold the tree'],
  11: ['bad_bundle', "the bundle's ref names another tree"],
  13: ['too_large', `the tree has more than ${MAX_FILES} files or ${MAX_BYTES / 1_048_576} MiB`],
  14: ['bad_tree', 'git refuses to check the tree out'],
  15: ['bad_tree', 'the files checked out are not the tree'],
};
const WALL_MS = 600_000;
/** Who fills which cache, so that what two want of it is had once. */
const filling = new Map<string, Promise<unknown>>();

/** The tree's folder, where it was unpacked before, marked as used. */
export async function unpacked(engine: Engine, tree: GitSha): Promise<Checkout | null> {
  const path = join(engine.folders.checkouts, tree);
  if ((await lstat(path).catch(() => null)) === null) return null;
  await markUsed(path);
  return { tree, path };
}

/**
 * The tree as a folder of the host owned by the sandbox's user, unpacked by a clean container and never by host git; with a `.git` whose HEAD
 * is that tree. `source`: bundles that hold it, the oldest first, each standing on those before; what of them the runner does not have yet
 * is kept for the next. Cached by tree; treat as read-only. Measured: 0.3 s, and 0.2 ms from the cache.
 */
export async function checkout(
  engine: Engine,
  source: readonly Bundle[],
  tree: GitSha,
): Promise<{ kind: 'checkout'; checkout: Checkout } | Refused> {
  const there = await unpacked(engine, tree);
  if (there !== null) return { kind: 'checkout', checkout: there };
  const cache = cacheOf(engine, source);
  if (cache === null) return { kind: 'refused', code: 'bad_bundle', reason: 'no bundle holds the tree' };
  const first = await filled(engine, cache, source, tree);
  // What was kept may be broken: by a disk, or a machine that went down before it was written out. Once more, with all of it anew.
  if (first.kind !== 'refused' || !first.kept || first.code === 'too_large') return first;
  engine.note({ kind: 'source_doubted', key: source[0]?.key ?? '', reason: first.reason });
  await forget(engine, cache);
  return filled(engine, cache, source, tree);
}

type Filled = { kind: 'checkout'; checkout: Checkout } | (Refused & { kept: boolean });

/** As `unpack`; one after the other while bundles are missing. */
async function filled(
  engine: Engine,
  cache: Cache,
  source: readonly Bundle[],
  tree: GitSha,
): Promise<Filled> {
  const fill = async () => {
    const refs = await Promise.all(source.map((bundle) => cached(cache, bundle)));
    const lacking = source.filter((_, nth) => refs[nth] === null);
    return lacking.length === 0 ? null : unpack(engine, cache, source, lacking, tree);
  };
  const before = filling.get(cache.path) ?? Promise.resolve();
  const turn = before.catch(() => undefined).then(fill); // whose it was is told
  filling.set(cache.path, turn);
  const made = await turn.finally(() => {
    if (filling.get(cache.path) === turn) filling.delete(cache.path);
  });
  return made ?? unpack(engine, cache, source, [], tree);
}

async function unpack(
  engine: Engine,
  cache: Cache,
  source: readonly Bundle[],
  lacking: readonly Bundle[],
  tree: GitSha,
): Promise<Filled> {
  const kept = lacking.length < source.length;
  const refused = (code: string, reason: string) => ({ kind: 'refused' as const, code, reason, kept });
  const scratch = join(engine.folders.scratch, engine.name());
  const [given, out] = [join(scratch, 'in'), join(scratch, 'out')];
  for (const folder of [given, out]) await mkdir(folder, { recursive: true });
  await chown(out, AGENT, AGENT);
  try {
    const fetched: { key: string; refs: ReadonlyMap<string, string> }[] = [];
    for (const { key, bytes } of lacking) {
      const bundle = readBundle(await bytes());
      if (bundle === null) return refused('bad_bundle', 'it is no git bundle');
      const name = `${String(fetched.length).padStart(4, '0')}.pack`;
      await writeFile(join(given, name), bundle.pack, { mode: 0o644 });
      fetched.push({ key, refs: bundle.refs });
    }
    const known = await Promise.all(
      source.map(async (one) => fetched.find(({ key }) => key === one.key)?.refs ?? cached(cache, one)),
    );
    const head = known.findLast((refs) => refs?.has(`refs/history/${tree}`))?.get(`refs/history/${tree}`);
    const end = await runClean(engine, {
      image: engine.image,
      script: SCRIPT,
      args: [...unpackArgs(tree), head ?? ''],
      labels: engine.labels({ run: '', attempt: '', purpose: 'checkout' }),
      mounts: [
        { kind: 'bind', source: given, target: '/in', readOnly: true },
        { kind: 'bind', source: out, target: '/out', readOnly: false },
        ...(kept ? [{ kind: 'bind' as const, source: cache.objects, target: '/cache', readOnly: true }] : []),
      ],
      limits: { ...DEFAULT_LIMITS, wallMs: WALL_MS },
      maxStdout: 65_536,
    });
    if (end.kind !== 'exited' || end.exitCode !== 0) {
      const [code, reason] = REASONS[end.kind === 'exited' ? end.exitCode : 0] ?? ['failed', end.kind];
      return refused(code, `${reason}: ${end.stderr.trim().slice(-1_000)}`);
    }
    await keep(engine, cache, join(out, 'all/objects/pack'), fetched);
    await markUsed(cache.path);
    await keepUnpacked(engine, join(out, 'tree'), tree);
    return { kind: 'checkout', checkout: { tree, path: join(engine.folders.checkouts, tree) } };
  } finally {
    await removeTree(scratch);
  }
}

/** Puts a folder that a clean container unpacked among the checkouts, under the name of what is in it. */
export async function keepUnpacked(engine: Engine, folder: string, name: string): Promise<void> {
  // Before it can be seen: the files' own times are old on purpose, the folder's says when it was last used.
  await markUsed(folder);
  await rename(folder, join(engine.folders.checkouts, name)).catch((error: NodeJS.ErrnoException) => {
    // Another was faster; its folder is as good.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
}

/** What eviction goes by: a folder of checkouts that was used within hours is not removed. */
export async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}
