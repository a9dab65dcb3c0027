import { lstat, mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { hostTool } from '../engine/host.ts';
import { overlayOptions } from './overlay.ts';

// Checkouts that lie in two folders, as one: mounted read-only on the host, once a process, for what reads files by their path.

/** Where these folders, the first of the two named `name` and made once, are seen as one. Measured: 5 ms, then 0.1. */
export async function viewOf(
  engine: Engine,
  name: string,
  folders: readonly [string, string],
): Promise<string> {
  const { ino } = await lstat(folders[0]);
  const held = engine.views.get(name);
  if (held?.ino === ino) return held.path;
  // What it showed was evicted since, and made again.
  if (held !== undefined) await closeView(engine, name);
  const path = mounted(engine, folders);
  engine.views.set(name, { ino, path });
  path.catch(() => engine.views.delete(name)); // whoever asked is told
  return path;
}

async function mounted(engine: Engine, folders: readonly string[]): Promise<string> {
  // No attempt's: a name of one stands before the first dot.
  const path = join(engine.folders.mounts, `.${engine.name()}`);
  await mkdir(path);
  const options = `ro,nosuid,nodev,${overlayOptions(folders)}`;
  await hostTool('mount', ['-t', 'overlay', '-o', options, 'millwright', path]).catch(async (error) => {
    await rmdir(path);
    throw error;
  });
  return path;
}

/** Nothing where there is none. */
export async function closeView(engine: Engine, name: string): Promise<void> {
  const held = engine.views.get(name);
  engine.views.delete(name);
  const path = await held?.path.catch(() => undefined);
  if (path === undefined) return;
  await hostTool('umount', ['-l', path]);
  await rmdir(path);
}
