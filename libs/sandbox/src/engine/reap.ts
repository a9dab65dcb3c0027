import { lstat, readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeContainer, removeVolume } from './container.ts';
import type { Engine } from './engine.ts';
import { hostTool, removeTree } from './host.ts';

export type Reaped = { containers: number; volumes: number; mounts: number };

/** What this incarnation is at work on: what is left of its other attempts goes too, once it is that old. Milliseconds. */
export type AtWork = { attempts: ReadonlySet<string>; olderThanMs?: number };
const OLD_MS = 60_000;

/**
 * Removes what dead incarnations of this factory left: containers, then volumes, then mounts and half-made folders. `live` are the
 * incarnations that still run, this one among them whether named or not; of this one's, with `atWork`, what is left of attempts that are over.
 * One thing that cannot be removed is noted and does not stop the rest.
 */
export async function reap(engine: Engine, live: ReadonlySet<string>, atWork?: AtWork): Promise<Reaped> {
  const alive = new Set([...live, engine.incarnation]);
  const label = [`millwright.factory=${engine.factory}`];
  const before = Date.now() - (atWork?.olderThanMs ?? OLD_MS);
  const isDead = (incarnation: string, attempt: string, createdAt: number) => {
    const over =
      atWork !== undefined && attempt !== '' && !atWork.attempts.has(attempt) && createdAt <= before;
    return !alive.has(incarnation) || (incarnation === engine.incarnation && over);
  };
  const dead = (labels: Record<string, string> | undefined | null, createdAt: number) =>
    isDead(labels?.['millwright.incarnation'] ?? '', labels?.['millwright.attempt'] ?? '', createdAt);
  const reaped: Reaped = { containers: 0, volumes: 0, mounts: 0 };
  const attempt = async (what: string, remove: () => Promise<void>): Promise<number> => {
    try {
      await remove();
      return 1;
    } catch (error) {
      engine.note({ kind: 'cleanup_failed', what, reason: String(error) });
      return 0;
    }
  };

  // Only what runners make: the orchestrator's release containers carry the same factory and outlive every runner.
  const containers = await engine.docker.listContainers({ all: true, filters: { label } });
  for (const { Id, Labels, Created } of containers)
    if (dead(Labels, Created * 1_000) && Labels['millwright.room'] === 'runner')
      reaped.containers += await attempt(Id, () => removeContainer(engine.docker.getContainer(Id)));
  const { Volumes } = await engine.docker.listVolumes({ filters: { label } });
  for (const { Name, Labels, ...volume } of Volumes ?? [])
    if (dead(Labels, createdAt(volume)) && Labels['millwright.room'] === 'runner')
      reaped.volumes += await attempt(Name, () => removeVolume(engine, Name));

  for (const mount of await mountsBelow(join(engine.folders.root, 'mounts'))) {
    const [incarnation = '', name = ''] = mount
      .slice(join(engine.folders.root, 'mounts').length + 1)
      .split('/');
    // A workspace's mount is named after its attempt (sandbox.ts); its top folder is not written after it was made.
    const [of = ''] = name.split('.');
    const made = await lstat(mount).catch(() => null);
    if (made === null || !isDead(incarnation, of, made.mtimeMs)) continue;
    reaped.mounts += await attempt(mount, async () => {
      await hostTool('umount', ['-l', mount]);
      await rmdir(mount);
    });
  }
  for (const kind of ['mounts', 'scratch'])
    for (const incarnation of await readdir(join(engine.folders.root, kind)))
      if (!alive.has(incarnation))
        await attempt(incarnation, () => removeFolder(join(engine.folders.root, kind, incarnation), kind));
  return reaped;
}

/** The engine says it (API 1.29 and later); its client's types do not. Unknown is now: such a one stays. */
const createdAt = (volume: object): number =>
  ('CreatedAt' in volume ? Date.parse(String(volume.CreatedAt)) : Number.NaN) || Date.now();

/** A folder of mount points is removed only when empty: one that is still mounted holds somebody's workspace. */
async function removeFolder(folder: string, kind: string): Promise<void> {
  if (kind === 'scratch') return removeTree(folder);
  for (const name of await readdir(folder)) await rmdir(join(folder, name));
  await rmdir(folder);
}

/** Mount points below a folder, deepest last in the kernel's order, from /proc/self/mountinfo (proc(5): field 5, octal escapes). */
async function mountsBelow(folder: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return table
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((path) =>
      path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((path) => path.startsWith(`${folder}/`));
}
