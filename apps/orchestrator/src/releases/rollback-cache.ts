import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  DeployConfig,
  Digest,
  type Instant,
  type RecordedEntry,
  ReleaseId,
  RepoName,
} from '@millwright/domain';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Register } from '../streams/register.ts';

type Ports = {
  deployments: { keepRollbackCache(repo: RepoName): Promise<void> };
  log: Logger;
  register: Register;
  /** Told of each entry as it comes; returns the way to stop it. */
  listen: (listener: (recorded: RecordedEntry) => void) => () => void;
};

// What going back needs when nothing of the database can be read: beside each target, on its own machine, readable by the factory's user
// alone. Written anew whenever another release comes to serve. It holds names of secrets, never values.

const CachedRelease = z.strictObject({
  ref: z.strictObject({ id: ReleaseId, layer: Digest, image: z.string() }),
  artifact: Digest,
  config: DeployConfig,
});
export type CachedRelease = z.infer<typeof CachedRelease>;
/** `releases`: the live one, then those a rollback may go to, newest first. */
export const RollbackCache = z.strictObject({
  repo: RepoName,
  releases: z.array(CachedRelease).min(1).max(6),
});
export type RollbackCache = z.infer<typeof RollbackCache>;

const pathOf = (data: string, repo: RepoName) => join(data, 'targets', repo, 'rollback-cache.json');

/** Durable and atomic. `data`: the orchestrator's folder. */
export async function writeRollbackCache(data: string, way: RollbackCache): Promise<void> {
  const path = pathOf(data, way.repo);
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(way));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

/** Those of all targets. A file that is not ours throws: nothing is guessed. */
export async function readRollbackCaches(data: string): Promise<RollbackCache[]> {
  const ways: RollbackCache[] = [];
  for (const repo of (await orNone(readdir(join(data, 'targets')))) ?? []) {
    const text = await orNone(readFile(join(data, 'targets', repo, 'rollback-cache.json'), 'utf8'));
    if (text !== null) ways.push(RollbackCache.parse(JSON.parse(text)));
  }
  return ways;
}

async function orNone<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return null;
    throw error;
  }
}

/** How soon one that could not be written is tried again. Milliseconds. */
const AGAIN_MS = 5_000;

/** Writes those of all targets now, and each again when another release serves, until it is written. Returns the way to stop it, which resolves when none is being written. */
export async function keepRollbackCaches({
  register,
  listen,
  deployments,
  log,
}: Ports): Promise<() => Promise<unknown>> {
  let last: Promise<unknown> = Promise.resolve();
  const owed = new Set<RepoName>();
  const keep = (repo: RepoName, at: Instant | null) => {
    owed.delete(repo);
    last = last
      .then(() => deployments.keepRollbackCache(repo))
      .catch((error: unknown) => {
        owed.add(repo);
        log.warn({ repo, at, err: error }, 'the rollback cache is of an earlier release');
      });
  };
  const again = setInterval(() => {
    for (const repo of owed) keep(repo, null);
  }, AGAIN_MS);
  const stop = listen(({ envelope, entry }) => {
    if (entry?.type === 'target.released')
      keep(RepoName.parse(envelope.stream.slice('target/'.length)), envelope.at);
  });
  for (const repo of (await register.look()).repositories()) keep(repo, null);
  return () => {
    stop();
    clearInterval(again);
    return last;
  };
}
