// What bench/ measures of sandboxes, as a program. Prints one line of JSON, leaves nothing behind.
// argv: `quick` for few of each.

import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Container } from 'dockerode';
import { hostTool } from '../engine/host.ts';
import { DEFAULT_LIMITS } from '../engine/limits.ts';
import { mountUpper, overlayOptions, unmountUpper } from '../workspace/overlay.ts';
import type { Checkout } from '../workspace/sandbox.ts';
import { testSandboxes } from './factory.ts';
import { residentMount } from './resident-mount.ts';

const FILES = 4_400;
const quick = process.argv[2] === 'quick';
const run = promisify(execFile);

function spread(values: number[]) {
  const sorted = values.sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), n: sorted.length };
}

/** Asked to end, it stops after what it is at, and removes what it made. */
let over = false;
process.on('SIGTERM', () => {
  over = true;
});

/** `undo` is not timed. */
async function timed(times: number, work: (nth: number) => Promise<unknown>, undo = async (_: number) => {}) {
  const took: number[] = [];
  for (let nth = -1; nth < times; nth += 1) {
    const from = performance.now();
    await work(nth);
    if (nth >= 0) took.push(performance.now() - from);
    await undo(nth);
    if (over) throw new Error('it was asked to end');
  }
  return spread(took);
}

/** A repository of 4,400 files of about 1.5 KiB in 110 folders. */
async function makeTree(folder: string): Promise<void> {
  for (let nth = 0; nth < FILES; nth += 1) {
    if (nth % 40 === 0) await mkdir(join(folder, `src/part-${nth / 40}`), { recursive: true });
    const path = join(folder, `src/part-${Math.floor(nth / 40)}/file-${nth}.js`);
    await writeFile(path, `export const n = ${nth};\n${'// a line of a file\n'.repeat(70)}`);
  }
  const git = (...args: string[]) =>
    run('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b.invalid', ...args]);
  await git('init', '-q');
  await git('add', '--all');
  await git('commit', '-q', '-m', 'all');
}

async function workspaces(folder: string) {
  const tree = join(folder, 'tree');
  await mkdir(tree, { recursive: true });
  await chmod(tree, 0o755);
  await makeTree(tree);
  const at = (kind: string, nth: number) => join(folder, `${kind}${nth}`);
  const read = (path: string) => readFile(join(path, 'src/part-7/file-300.js'));
  const engine = residentMount();
  const overlay = await timed(
    quick ? 5 : 50,
    async (nth) => {
      const upper = await mountUpper(at('upper', nth), DEFAULT_LIMITS);
      await mkdir(at('overlay', nth));
      await engine.overlay(at('overlay', nth), overlayOptions([tree], upper));
      await read(at('overlay', nth));
    },
    async (nth) => {
      await hostTool('umount', [at('overlay', nth)]);
      await unmountUpper(at('upper', nth));
    },
  ).finally(engine.end);
  const copy = await timed(
    quick ? 2 : 5,
    async (nth) => {
      await run('cp', ['-r', tree, at('copy', nth)]);
      await read(at('copy', nth));
    },
    (nth) => rm(at('copy', nth), { recursive: true }),
  );
  const worktree = await timed(
    quick ? 2 : 5,
    async (nth) => {
      await run('git', ['-C', tree, 'worktree', 'add', '-q', '--detach', at('worktree', nth)]);
      await read(at('worktree', nth));
    },
    async (nth) =>
      void (await run('git', ['-C', tree, 'worktree', 'remove', '--force', at('worktree', nth)])),
  );
  return { overlay, copy, worktree };
}

/** A command by the engine's exec, as tools without a resident process call. */
async function dockerExec(container: Container): Promise<void> {
  const exec = await container.exec({ Cmd: ['true'], AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  await new Promise((resolve, reject) => stream.resume().once('end', resolve).once('error', reject));
}

const folder = await mkdtemp(join(tmpdir(), 'millwright-measure-'));
const { sandboxes, end } = await testSandboxes();
try {
  const small = join(folder, 'small');
  await cp(import.meta.dirname, small, { recursive: true });
  await chmod(folder, 0o755);
  const checkout: Checkout = { tree: 'small', path: small };
  const open = async () => {
    const opened = await sandboxes.open({ run: 'run_1', attempt: 'att_1', purpose: 'measure', checkout });
    if (opened.kind === 'refused') throw new Error(opened.reason);
    return opened.sandbox;
  };
  const within = { timeoutMs: 20_000, maxBytes: 1_024 };
  const sandbox = await open();
  const call = await timed(quick ? 20 : 500, () => sandbox.exec('true', within));
  const peer = sandboxes.engine.docker.getContainer(sandbox.container);
  const exec = await timed(quick ? 3 : 30, () => dockerExec(peer));
  await sandbox.destroy();

  let opened: Awaited<ReturnType<typeof open>> | undefined;
  const first = await timed(
    quick ? 2 : 15,
    async () => {
      opened = await open();
      const said = await opened.exec('echo here', within);
      if (said.kind !== 'exited' || said.output !== 'here\n')
        throw new Error(`it said ${JSON.stringify(said)}`);
    },
    async () => opened?.destroy(),
  );
  let bare: Container | undefined;
  const dockerRun = await timed(
    quick ? 2 : 10,
    async () => {
      const labels = sandboxes.engine.labels({ run: '', attempt: '', purpose: 'measure' });
      bare = await sandboxes.engine.docker.createContainer({
        ...{ Image: sandboxes.image, Cmd: ['sleep', '60'], Labels: labels },
      });
      await bare.start();
      await dockerExec(bare);
    },
    async () => void (await bare?.remove({ force: true })),
  );
  const spaces = await workspaces(folder);
  const measured = { call, dockerExec: exec, first, dockerRun, ...spaces, files: FILES };
  process.stdout.write(`${JSON.stringify(measured)}\n`);
} catch (error) {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
} finally {
  await end();
  await rm(folder, { recursive: true, force: true });
}
