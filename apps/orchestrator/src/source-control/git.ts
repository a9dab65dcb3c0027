import { spawn } from 'node:child_process';
import { terminal } from '@millwright/domain';

/** Bounds what one git command may print, where it is told nothing else. A diff over it is refused, not cut. */
const MAX_OUTPUT = 256 * 1024 * 1024;

export type GitResult = { exitCode: number; stdout: Buffer; stderr: string };

/**
 * The host's git. Works on bare repositories of the factory by plumbing only: no work tree, no hooks, no system or user
 * configuration, and only the named protocols, so that nothing an agent wrote is ever executed or read as configuration.
 */
export class Git {
  readonly dir: string;
  readonly #env: NodeJS.ProcessEnv;

  /** `dir` is the bare repository. */
  constructor(dir: string) {
    this.dir = dir;
    this.#env = {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      GIT_DIR: dir,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_ALLOW_PROTOCOL: 'file:https:ssh',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ATTR_NOSYSTEM: '1',
      GIT_NO_REPLACE_OBJECTS: '1',
      GIT_SSL_CAINFO: process.env.GIT_SSL_CAINFO ?? process.env.SSL_CERT_FILE,
      SSH_AUTH_SOCK: process.env.SSH_AUTH_SOCK,
      GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=15',
      LC_ALL: 'C',
    };
  }

  /** Runs git; any exit code is a result. Throws when git cannot run, prints too much or exceeds `timeoutMs` (default 120 s). */
  async run(
    args: string[],
    options: {
      input?: Uint8Array;
      env?: Record<string, string>;
      timeoutMs?: number;
      maxBytes?: number;
      /** As another user, where the factory is root. */
      user?: { uid: number; gid: number };
    } = {},
  ): Promise<GitResult> {
    const child = spawn(
      'git',
      ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false', '-c', 'gc.auto=0', ...args],
      {
        env: { ...this.#env, ...options.env },
        stdio: ['pipe', 'pipe', 'pipe'],
        timeout: options.timeoutMs ?? 120_000,
        killSignal: 'SIGKILL',
        ...options.user,
      },
    );
    const { maxBytes = MAX_OUTPUT } = options;
    const out: Buffer[] = [];
    let size = 0;
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) child.kill('SIGKILL');
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < 16_384) stderr += chunk.toString('utf8');
    });
    // git may end before it has read its input; what it says then is in its exit code.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') child.kill('SIGKILL');
    });
    child.stdin.end(options.input ?? Buffer.alloc(0));
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (size > maxBytes) throw terminal('git-output', `git ${args[0]} printed over ${maxBytes} bytes`);
    if (exitCode === null)
      throw terminal('git-timeout', `git ${args[0]} was ended after ${options.timeoutMs ?? 120_000} ms`);
    return { exitCode, stdout: Buffer.concat(out), stderr: stderr.trim() };
  }

  /**
   * Like `run`, but throws with what git said unless the exit code is one that git answers with: 128 is never a "no". Nor is a 1 beside an
   * error: `merge-base --is-ancestor` ends so where a commit in between is lost.
   */
  async ask(
    args: string[],
    answers: readonly number[],
    options: Parameters<Git['run']>[1] = {},
  ): Promise<GitResult> {
    const result = await this.run(args, options);
    const failed = result.exitCode !== 0 && /^(error|fatal): /m.test(result.stderr);
    if (failed || !answers.includes(result.exitCode)) throw gitFailed(args, result);
    return result;
  }

  /** Like `run`, but any exit code other than 0 throws with what git said. */
  async must(args: string[], options: Parameters<Git['run']>[1] = {}): Promise<Buffer> {
    return (await this.ask(args, [0], options)).stdout;
  }

  /** Like `must`; the output as trimmed text. */
  async text(args: string[], options: Parameters<Git['run']>[1] = {}): Promise<string> {
    return (await this.must(args, options)).toString('utf8').trim();
  }
}

/** A git command that could not answer. */
export const gitFailed = ([command = '']: readonly string[], { exitCode, stderr }: GitResult) =>
  terminal('git-failed', `git ${command} failed: ${stderr || `exit code ${exitCode}`}`);
