import { readlink } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { retryable } from '@millwright/domain';
import type Docker from 'dockerode';
import { type Engine, isAbsent, isSettled } from './engine.ts';
import { type Box, containerOptions } from './hardening.ts';
import { hostTool } from './host.ts';

/** For a look that a command's end waits for. Measured: 30 ms. */
const LOOK_MS = 3_000;

export type Started = {
  container: Docker.Container;
  /** The engine's attached stream, multiplexed; attached before the start, so that nothing is missed. */
  stream: Duplex;
};

/**
 * Creates, attaches and, once `after` has resolved, starts one confined container. Removes it again when any of that fails, and then
 * throws.
 * Measured: create 20 ms, attach 3 ms, start 70–90 ms; 150–180 ms where the engine brings loopback up.
 */
export async function startContainer(
  engine: Engine,
  box: Box,
  after: Promise<unknown> = Promise.resolve(),
): Promise<Started> {
  const volumes = await engine.volumesOf(box.image);
  const container = await within(
    60_000,
    'create a container',
    engine.docker.createContainer({ name: engine.name(), ...containerOptions(box, volumes) }),
  );
  try {
    const attach = { stream: true, hijack: true, stdin: box.stdin, stdout: true, stderr: true };
    const stream = await within(30_000, 'attach to a container', container.attach(attach));
    if (!isDuplex(stream)) throw new Error('the engine gave no stream');
    await after;
    await within(60_000, 'start a container', container.start());
    if (box.network === 'raised') await raiseLoopback(container);
    return { container, stream };
  } catch (error) {
    await removeContainer(container);
    for (const mount of box.mounts) if (mount.kind === 'overlay') await removeVolume(engine, mount.volume);
    throw error;
  }
}

/** Throws when the container has ended, or has no network namespace of its own. */
async function raiseLoopback(container: Docker.Container): Promise<void> {
  const { State } = await within(30_000, 'describe a container', container.inspect());
  const namespace = `/proc/${State.Pid}/ns/net`;
  const [theirs, ours] = await Promise.all([readlink(namespace), readlink('/proc/self/ns/net')]);
  if (theirs === ours) throw new Error('the engine gave a sandbox the network of this machine');
  // Of the namespaces only this one is entered: the program and its files are the host's.
  await hostTool('nsenter', [`--net=${namespace}`, 'ip', 'link', 'set', 'lo', 'up']);
}

const isDuplex = (stream: NodeJS.ReadWriteStream): stream is Duplex => 'destroy' in stream;

/** Kills with SIGKILL and waits until the container has stopped, its mounts included. Idempotent. */
export async function killContainer(container: Docker.Container): Promise<void> {
  await within(30_000, 'kill a container', container.kill().catch(unless(isSettled)));
  await within(30_000, 'end a container', container.wait().catch(unless(isAbsent)));
}

/** Removes the container, running or not. Idempotent. */
export async function removeContainer(container: Docker.Container): Promise<void> {
  await within(
    60_000,
    'remove a container',
    container.remove({ force: true, v: true }).catch(unless(isSettled)),
  );
}

/** Removes a volume; the overlay that it describes is the engine's mount, already gone with the last container. Idempotent. */
export async function removeVolume(engine: Engine, name: string): Promise<void> {
  await within(30_000, 'remove a volume', engine.docker.getVolume(name).remove().catch(unless(isAbsent)));
}

/** How a stopped container ended, for people. */
export async function endOf(container: Docker.Container): Promise<{ exitCode: number; oom: boolean }> {
  const { State } = await container.inspect();
  return { exitCode: State.ExitCode, oom: State.OOMKilled };
}

/**
 * The container's processes as the engine's host sees them, each `[pid, ppid, args]`; null where it cannot tell: one that is no Linux of its own, one
 * that ended meanwhile. Nothing inside is asked.
 */
export async function processesIn(container: Docker.Container): Promise<string[][] | null> {
  const listed: unknown = await within(
    LOOK_MS,
    'list the processes of a container',
    container.top({ ps_args: '-eo pid,ppid,args' }),
  ).catch(() => null);
  const rows = (listed as { Processes?: unknown } | null)?.Processes;
  return Array.isArray(rows) ? (rows as string[][]) : null;
}

/** At one instant, all in ms: the clock; what a container has had of processors; how long this machine has kept anybody waiting for one. */
export type Reading = { atMs: number; usedMs: number; stalledMs: number };

/** What a command's time is counted by; null where the engine or the machine does not say. */
export async function readProcessors(engine: Engine, container: Docker.Container): Promise<Reading | null> {
  const stalledMs = engine.stalledMs();
  if (stalledMs === null) return null;
  const said = await within(
    LOOK_MS,
    "read a container's processor time",
    container.stats({ stream: false, 'one-shot': true }),
  ).catch(() => null);
  const used = said?.cpu_stats?.cpu_usage?.total_usage;
  return used === undefined ? null : { atMs: performance.now(), usedMs: used / 1e6, stalledMs };
}

/** An engine that hangs is an engine that failed: no call to it is waited for longer than this. */
async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).then(() => {
    throw retryable('engine_hangs', `the Docker Engine did not ${what} within ${ms / 1_000} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

const unless = (expected: (error: unknown) => boolean) => (error: unknown) => {
  if (!expected(error)) throw error;
};
