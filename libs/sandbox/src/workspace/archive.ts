import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { AGENT, type Mount } from '../engine/hardening.ts';
import { removeTree } from '../engine/host.ts';
import { DEFAULT_LIMITS } from '../engine/limits.ts';
import { runClean } from '../tool-process/clean.ts';
import { keepUnpacked, markUsed } from './checkout.ts';
import { overlayOptions } from './overlay.ts';
import { type Box, type Checkout, foldersOf, type OpenOptions, type Refused } from './sandbox.ts';

export type ArchiveOptions = {
  maxBytes?: number;
  /** Paths relative to the root that are left out; `.git` always is. */
  exclude?: readonly string[];
};

const ARCHIVE_MAX = 512 * 1_048_576;

export type Archived = { kind: 'archive'; tar: Uint8Array } | Refused;

/**
 * The tar, and the same bytes unpacked again in /out/tree: what is archived is run next, and needs no second container. A process
 * substitution is not to be had in POSIX sh; tar's own failure is carried past the pipe by a file.
 */
const ARCHIVE = `cd /workspace
mkfifo /tmp/again
tar --extract --file=- --no-same-owner -C /out/tree </tmp/again &
{ tar --create --file=- --sort=name --numeric-owner --owner=10001 --group=10001 --mtime=@0 "$@" . || : >/tmp/failed; } | tee /tmp/again
wait $! && [ ! -e /tmp/failed ]`;

/** A dead sandbox's workspace, dependencies included, as a tar: sorted, owner 10001, times at the epoch, so equal folders are equal bytes. */
export function archiveWorkspace(engine: Engine, box: Box, options: ArchiveOptions): Promise<Archived> {
  const { upper, deps, checkout } = box.lowers;
  return archiveFolders(
    engine,
    box.options,
    [upper, ...(deps === null ? [] : [deps.path]), ...foldersOf(checkout)],
    options,
  );
}

/** The same of a tree with its dependencies, in which nothing has run. */
export function archiveTree(
  engine: Engine,
  of: Pick<OpenOptions, 'run' | 'attempt' | 'checkout' | 'deps'>,
  options: ArchiveOptions,
): Promise<Archived> {
  const folders = [...(of.deps ? [of.deps.path] : []), ...foldersOf(of.checkout)];
  return archiveFolders(engine, of, folders, options);
}

async function archiveFolders(
  engine: Engine,
  of: { run: string; attempt: string },
  folders: readonly string[],
  { maxBytes = ARCHIVE_MAX, exclude = [] }: ArchiveOptions,
): Promise<Archived> {
  const labels = engine.labels({ ...of, purpose: 'archive' });
  const [only] = folders;
  const where = { target: '/workspace', readOnly: true };
  // An overlay without an upper needs two folders at least.
  const mount: Mount =
    folders.length === 1 && only !== undefined
      ? { kind: 'bind', source: only, ...where }
      : {
          ...{ kind: 'overlay', volume: `${engine.name()}-archive`, labels, ...where },
          options: overlayOptions(folders),
        };
  return withOut(engine, async (scratch) => {
    const end = await runClean(engine, {
      image: engine.image,
      script: ARCHIVE,
      args: ['--anchored', '--no-wildcards', ...['.git', ...exclude].map((path) => `--exclude=./${path}`)],
      labels,
      mounts: [mount, outOf(scratch)],
      limits: { ...DEFAULT_LIMITS, wallMs: 120_000 },
      maxStdout: maxBytes,
    });
    if (end.kind === 'too_much')
      return { kind: 'refused', code: 'too_large', reason: `more than ${maxBytes / 1_048_576} MiB` };
    if (end.kind !== 'exited' || end.exitCode !== 0)
      return { kind: 'refused', code: 'failed', reason: end.stderr.trim().slice(-1_000) || end.kind };
    await keepUnpacked(engine, join(scratch, 'out/tree'), nameOf(end.stdout));
    return { kind: 'archive', tar: end.stdout };
  });
}

/** The name that a tar's contents have among the checkouts. */
const nameOf = (tar: Uint8Array) => `tar-${createHash('sha256').update(tar).digest('hex')}`;

const outOf = (scratch: string): Mount => ({
  ...{ kind: 'bind', source: join(scratch, 'out'), target: '/out', readOnly: false },
});

/** A folder of the host with an empty `out/tree` that a container may fill; gone afterwards with what is still in it. */
async function withOut<T>(engine: Engine, use: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = join(engine.folders.scratch, engine.name());
  await mkdir(join(scratch, 'out/tree'), { recursive: true });
  for (const folder of ['out', 'out/tree']) await chown(join(scratch, folder), AGENT, AGENT);
  try {
    return await use(scratch);
  } finally {
    await removeTree(scratch);
  }
}

/** A tar unpacked by a clean container into a folder that a workspace can stand on. Cached by the tar's SHA-256. */
export async function unpackArchive(
  engine: Engine,
  tar: Uint8Array,
): Promise<{ kind: 'checkout'; checkout: Checkout } | Refused> {
  const tree = nameOf(tar);
  const path = join(engine.folders.checkouts, tree);
  const done = { kind: 'checkout', checkout: { tree, path } } as const;
  if ((await lstat(path).catch(() => null)) !== null) {
    await markUsed(path);
    return done;
  }
  return withOut(engine, async (scratch) => {
    await writeFile(join(scratch, 'tar'), tar, { mode: 0o644 });
    const end = await runClean(engine, {
      image: engine.image,
      script: 'exec tar --extract --file=/in/tar --no-same-owner -C /out/tree',
      labels: engine.labels({ run: '', attempt: '', purpose: 'unpack' }),
      mounts: [
        { kind: 'bind', source: join(scratch, 'tar'), target: '/in/tar', readOnly: true },
        outOf(scratch),
      ],
      limits: { ...DEFAULT_LIMITS, wallMs: 120_000 },
      maxStdout: 65_536,
    });
    if (end.kind !== 'exited' || end.exitCode !== 0)
      return {
        kind: 'refused',
        code: 'bad_archive',
        reason: end.stderr.trim().slice(-1_000) || 'it cannot be unpacked',
      };
    await keepUnpacked(engine, join(scratch, 'out/tree'), tree);
    return done;
  });
}
