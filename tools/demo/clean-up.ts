import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { PREFIX } from './place.ts';

// Everything a demo made, and nothing else: found by the factory's own label on the engine, and by the throw-away folder on the disk.

function read(path: string, key: string): string | null {
  if (!existsSync(path)) return null;
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : null;
  return typeof found === 'string' ? found : null;
}

/** Gone already is as good as removed; so is what another removal is about to end. */
async function gone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : null;
    if (status !== 404 && status !== 409) throw error;
  }
}

/** Removes what a factory has on the engine, what it released included. */
export async function removeFromEngine(factory: string): Promise<void> {
  const engine = new Docker();
  const filters = { label: [`millwright.factory=${factory}`] };
  const containers = await engine.listContainers({ all: true, filters });
  await Promise.all(
    containers.map((one) => gone(engine.getContainer(one.Id).remove({ force: true, v: true }))),
  );
  const [networks, { Volumes }, images] = await Promise.all([
    engine.listNetworks({ filters }),
    engine.listVolumes({ filters }),
    engine.listImages({ filters }),
  ]);
  await Promise.all([
    ...networks.map((one) => gone(engine.getNetwork(one.Id).remove())),
    ...(Volumes ?? []).map((one) => gone(engine.getVolume(one.Name).remove({ force: true }))),
    ...images.map((one) => gone(engine.getImage(one.Id).remove({ force: true }))),
  ]);
}

/** Mounts below `folder`, deepest first: an rm through a mount would remove what it shows. */
function unmount(folder: string): void {
  if (!existsSync('/proc/self/mounts')) return;
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);
  for (const path of mounts) spawnSync('umount', ['--lazy', path], { timeout: 10_000 });
}

/** Removes a demo's folder and what its factory made on the engine. */
export async function cleanUp(folder: string): Promise<void> {
  const data = join(folder, 'data');
  const factory = read(join(data, 'identity.json'), 'factory');
  if (factory !== null) await removeFromEngine(factory);
  const database = read(join(data, 'database.json'), 'folder');
  unmount(folder);
  if (database !== null && !database.startsWith(folder)) rmSync(database, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** What earlier demos left that were killed before they could clean up. */
export async function sweep(): Promise<number> {
  const left = readdirSync(tmpdir())
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(tmpdir(), name))
    .filter((folder) => {
      const note = join(folder, 'demo.pid');
      return existsSync(note) && !isAlive(Number(readFileSync(note, 'utf8')));
    });
  for (const folder of left) await cleanUp(folder);
  return left.length;
}
