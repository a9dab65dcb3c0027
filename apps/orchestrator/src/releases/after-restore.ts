import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Digest, factoryStream, Instant, type RepoName } from '@millwright/domain';
import type { Logger } from 'pino';
import { z } from 'zod';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import type { Deployments } from './deployments.ts';

// A trail that comes from a backup does not know what happened since. So the first start after `millwright restore` says so on the trail and begins
// halted, and a target on which something runs that the trail never released is frozen before anything is done to it: to a person it may be what
// serves, and to the trail it is a leftover.

type Ports = { deployments: Deployments; log: Logger; register: Register; streams: Streams };

/** What `restore` left for the first start. */
const Note = z.strictObject({
  backup: Digest,
  entries: z.number().int().nonnegative(),
  madeAt: Instant,
  restoredAt: Instant,
});

async function noteIn(path: string): Promise<z.infer<typeof Note> | null> {
  try {
    return Note.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Whether this is the first start after a restore; told on the trail, once. The targets that are left alone are frozen by then. */
export async function sayRestored(factory: Ports, dataDir: string): Promise<boolean> {
  const path = join(dataDir, 'restored.json');
  const note = await noteIn(path);
  if (note === null) return false;
  const [from, to] = [note.madeAt, note.restoredAt].map((at) => new Date(at).toISOString());
  const reason = `restored from a backup: what was merged and released between ${from} and ${to} is on branches and targets, and not on this trail. Look first, then resume`;
  await factory.streams.appendShown(factoryStream(), ORCHESTRATOR, () => [
    { type: 'factory.restored', data: note },
    { type: 'factory.halted', data: { reason } },
  ]);
  for (const repo of (await factory.register.look()).repositories()) await freezeUnknown(factory, repo);
  await rm(path);
  factory.log.warn(note, 'this trail comes from a backup: the factory is halted until a person resumes');
  return true;
}

async function freezeUnknown({ deployments, log }: Ports, repo: RepoName): Promise<void> {
  const unknown = await deployments.unknown(repo).catch((error: unknown) => {
    log.error({ repo, err: error }, 'what runs on a target after a restore could not be seen');
    return [];
  });
  if (unknown.length === 0) return;
  const reason = `after a restore: ${unknown.join(', ')} ${unknown.length === 1 ? 'runs' : 'run'} on it, which this trail never released`;
  const what = 'decide which release is to serve; thawed, what the trail has as live is brought back';
  await deployments.append(repo, {
    type: 'target.frozen',
    // Whoever restored wants it looked at: nothing failed that somebody would have to be called for.
    data: { by: 'person', release: null, reason, what },
  });
}
