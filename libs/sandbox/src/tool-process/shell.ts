import { chmod, chown, lstat, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { AGENT } from '../engine/hardening.ts';
import { removeTree } from '../engine/host.ts';
import { DEFAULT_LIMITS } from '../engine/limits.ts';
import { runClean } from './clean.ts';

/** What an image offers. `resident` is the host's path of the execute-only copy of its shell, mounted as `RESIDENT_AT`. */
type Shell = { resident: string; command: '/bin/bash' | '/bin/sh' };
export const RESIDENT_AT = '/.millwright/sh';

const PROBE = `cp -L /bin/sh /out/sh || exit 3
if [ -x /bin/bash ]; then echo bash; else echo sh; fi`;

type Found = { kind: 'shell'; shell: Shell } | { kind: 'refused'; reason: string };
/** Who asks for an image's shell while it is being looked for waits for the same answer. */
const looking = new WeakMap<Engine, Map<string, Promise<Found>>>();

export function shellOf(engine: Engine, image: string): Promise<Found> {
  const images = looking.get(engine) ?? new Map<string, Promise<Found>>();
  looking.set(engine, images);
  const found = images.get(image) ?? lookFor(engine, image).finally(() => images.delete(image));
  images.set(image, found);
  return found;
}

/**
 * Copies the image's own /bin/sh out, once an image, and keeps it as a file that the sandbox's user may execute and not read. Linux
 * holds a process non-dumpable when it runs such a file (`would_dump` in fs/exec.c), which is what keeps commands out of PID 1.
 * The copy is of the image because a shell from elsewhere would not find its libraries. It never runs on the host.
 */
async function lookFor(engine: Engine, image: string): Promise<Found> {
  const folder = join(engine.folders.shells, image.replace('sha256:', ''));
  for (const command of ['/bin/bash', '/bin/sh'] as const) {
    const resident = join(folder, command === '/bin/bash' ? 'bash' : 'plain', 'sh');
    const found = await lstat(resident).catch(() => null);
    if (found?.isFile() === true) return { kind: 'shell', shell: { resident, command } };
  }
  const half = join(engine.folders.scratch, `shell-${engine.name()}`);
  await mkdir(half);
  await chown(half, AGENT, AGENT);
  try {
    const end = await runClean(engine, {
      image,
      script: PROBE,
      labels: engine.labels({ run: '', attempt: '', purpose: 'shell' }),
      mounts: [{ kind: 'bind', source: half, target: '/out', readOnly: false }],
      limits: { ...DEFAULT_LIMITS, wallMs: 30_000 },
      maxStdout: 1_024,
    });
    const copy = join(half, 'sh');
    const made = await lstat(copy).catch(() => null);
    if (end.kind !== 'exited' || end.exitCode !== 0 || made?.isFile() !== true || made.size > 64 * 1_048_576)
      return { kind: 'refused', reason: `the image has no usable /bin/sh: ${end.stderr.trim() || end.kind}` };
    await chown(half, 0, 0);
    await chmod(half, 0o755);
    await chown(copy, 0, 0);
    await chmod(copy, 0o711);
    const command = end.stdout.toString('latin1').trim() === 'bash' ? '/bin/bash' : '/bin/sh';
    const target = join(folder, command === '/bin/bash' ? 'bash' : 'plain');
    await mkdir(folder, { recursive: true });
    await rename(half, target).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return { kind: 'shell', shell: { resident: join(target, 'sh'), command } };
  } catch (error) {
    return { kind: 'refused', reason: `the image cannot run a shell: ${String(error)}` };
  } finally {
    await removeTree(half);
  }
}
