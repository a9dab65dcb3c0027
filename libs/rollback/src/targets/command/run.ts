import { spawn } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../message-of.ts';

// Runs a repository's own deploy commands. They come from a protected file, but what they run may be anything: no shell, a folder and
// environment of their own, another user where the factory is root (its keys and data are unreadable then), bounded time and output.

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MAX_OUTPUT = 64 << 10;
/** What a command leaves running may hold its output open: after its end it is read for this long. */
const REST_MS = 200;

export type User = { readonly uid: number; readonly gid: number };
export type Ran =
  | { readonly kind: 'exited'; readonly code: number; readonly stdout: string; readonly stderr: string }
  /** It took too long, was stopped by a signal, or does not exist. */
  | { readonly kind: 'broken'; readonly reason: string; readonly stderr: string };

/** The last 64 KiB of a stream. */
function tailOf(stream: NodeJS.ReadableStream | null): () => string {
  let kept = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (text) => {
    kept = (kept + String(text)).slice(-MAX_OUTPUT);
  });
  return () => kept;
}

/** One command, `timeoutMs` at most; then it and what it started in its process group are killed. Never rejects for what the command does. */
export async function runCommand(
  argv: readonly string[],
  order: {
    env: Readonly<Record<string, string>>;
    user: User | null;
    timeoutMs: number;
    input?: Uint8Array | undefined;
    signal?: AbortSignal;
  },
): Promise<Ran> {
  const home = await mkdtemp(join(tmpdir(), 'mw-command-'));
  try {
    if (order.user !== null) await chown(home, order.user.uid, order.user.gid);
    return await spawned(argv, home, order);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function spawned(
  [program = '', ...args]: readonly string[],
  home: string,
  { env, user, timeoutMs, input, signal }: Parameters<typeof runCommand>[1],
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: home,
      env: { PATH, HOME: home, LANG: 'C.UTF-8', ...env },
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(user ?? {}),
    });
    const [stdout, stderr] = [tailOf(child.stdout), tailOf(child.stderr)];
    let late = false;
    const kill = () => {
      late = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    const timer = setTimeout(kill, timeoutMs);
    signal?.addEventListener('abort', kill, { once: true });
    const end = (ran: Ran) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(ran);
    };
    const broken = (reason: string) =>
      end({ kind: 'broken', reason: `${program}: ${reason}`, stderr: stderr() });
    child.on('error', (error) => broken(messageOf(error)));
    child.on('exit', (code, by) => {
      const told = () => {
        if (late) broken(signal?.aborted ? 'was stopped' : `took more than ${timeoutMs} ms, and was stopped`);
        else if (code === null) broken(`was ended by ${by}`);
        else end({ kind: 'exited', code, stdout: stdout(), stderr: stderr() });
      };
      const rest = setTimeout(told, REST_MS);
      child.on('close', () => {
        clearTimeout(rest);
        told();
      });
    });
    // A command that does not read its input closes it: its exit code is what counts.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
