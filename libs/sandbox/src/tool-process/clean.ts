import { setTimeout as sleep } from 'node:timers/promises';
import {
  endOf,
  killContainer,
  removeContainer,
  removeVolume,
  type Started,
  startContainer,
} from '../engine/container.ts';
import type { Engine } from '../engine/engine.ts';
import { baseEnv, type Mount } from '../engine/hardening.ts';
import type { Limits } from '../engine/limits.ts';
import { demultiplex } from './mux.ts';
import { HeadTail } from './output.ts';

export type CleanRun = {
  image: string;
  /** POSIX sh; `args` are $1… */
  script: string;
  args?: readonly string[];
  labels: Record<string, string>;
  mounts: readonly Mount[];
  workdir?: string;
  env?: Readonly<Record<string, string>>;
  limits: Limits;
  /** Whether the script needs a loopback interface. */
  loopback?: boolean;
  /** Stdout beyond this ends the run as `too_much`. */
  maxStdout: number;
  /** What has to have happened before the container is started; it is made meanwhile. */
  after?: Promise<unknown>;
  signal?: AbortSignal;
};

export type CleanEnd =
  | { kind: 'exited'; exitCode: number; oom: boolean; stdout: Buffer; stderr: string; ms: number }
  | {
      kind: 'timed_out' | 'too_much' | 'aborted' | 'stream_lost';
      stdout: Buffer;
      stderr: string;
      ms: number;
    };

/**
 * One script in one fresh container, gone afterwards with its volumes. The exit code is the engine's word, not the container's.
 * Bounded by `limits.wallMs` and `maxStdout`; stderr keeps its last part. Measured: 230 ms beside the script's own time.
 */
export async function runClean(engine: Engine, run: CleanRun): Promise<CleanEnd> {
  const started = performance.now();
  const { container, stream } = await startContainer(
    engine,
    {
      image: run.image,
      command: ['/bin/sh', '-c', run.script, 'sh', ...(run.args ?? [])],
      workdir: run.workdir ?? '/tmp',
      env: { ...baseEnv(engine, run.image), ...run.env },
      labels: run.labels,
      limits: run.limits,
      mounts: run.mounts,
      network: run.loopback === true ? 'engine' : 'none',
      stdin: false,
    },
    run.after,
  );
  const chunks: Buffer[] = [];
  const stderr = new HeadTail(64 * 1_024);
  const ended = Promise.withResolvers<'ended' | 'timed_out' | 'too_much' | 'aborted' | 'stream_lost'>();
  let bytes = 0;
  const feed = demultiplex((channel, data) => {
    if (channel === 'stderr') return stderr.push(data);
    bytes += data.length;
    if (bytes > run.maxStdout) return ended.resolve('too_much');
    chunks.push(Buffer.from(data));
  });
  stream.on('data', (chunk: Buffer) => {
    try {
      feed(chunk);
    } catch {
      ended.resolve('stream_lost');
    }
  });
  stream.on('error', () => ended.resolve('stream_lost'));
  stream.on('end', () => ended.resolve('ended'));
  stream.on('close', () => ended.resolve('ended'));
  const onAbort = () => ended.resolve('aborted');
  run.signal?.addEventListener('abort', onAbort, { once: true });
  if (run.signal?.aborted === true) onAbort();
  const timer = setTimeout(() => ended.resolve('timed_out'), run.limits.wallMs);
  let exited: CleanEnd | null = null;
  try {
    const why = await ended.promise;
    const result = () => ({
      stdout: Buffer.concat(chunks),
      stderr: stderr.text().output,
      ms: performance.now() - started,
    });
    if (why !== 'ended') return { kind: why, ...result() };
    // The stream has ended, so PID 1 has closed it or died; a process that closed its output and runs on is not waited for.
    const left = Math.max(1_000, run.limits.wallMs - (performance.now() - started));
    const stopped = await Promise.race([
      container.wait().then(() => true),
      sleep(left, false, { ref: false }),
    ]);
    if (!stopped) return { kind: 'timed_out', ...result() };
    exited = { kind: 'exited', ...(await endOf(container)), ...result() };
    return exited;
  } finally {
    clearTimeout(timer);
    run.signal?.removeEventListener('abort', onAbort);
    stream.destroy();
    const removal = remove(engine, run, container);
    // One that may still run has to be gone before its caller touches what it could write to.
    await (exited === null ? removal : engine.cleanUp(container.id, removal));
  }
}

async function remove(engine: Engine, run: CleanRun, container: Started['container']): Promise<void> {
  await killContainer(container);
  await removeContainer(container);
  for (const mount of run.mounts) if (mount.kind === 'overlay') await removeVolume(engine, mount.volume);
}
