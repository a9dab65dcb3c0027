import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type {
  Budget,
  Clock,
  ConversationChange,
  ExecResult,
  TurnLog,
  TurnRecord,
  Workspace,
} from '@millwright/domain';

// Doubles of the ports for the loop's tests. The workspace runs a real shell in a folder of its own.

export class FolderWorkspace implements Workspace {
  readonly folder: string;
  readonly commands: string[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  static async make(files: Readonly<Record<string, string>> = {}): Promise<FolderWorkspace> {
    const workspace = new FolderWorkspace(await mkdtemp(join(tmpdir(), 'millwright-agents-')));
    for (const [path, content] of Object.entries(files)) await workspace.write(path, content);
    return workspace;
  }

  exec(
    command: string,
    options: { timeoutMs: number; maxBytes: number; signal?: AbortSignal },
  ): Promise<ExecResult> {
    if (!command.includes('printf %s')) this.commands.push(command);
    const began = performance.now();
    return new Promise((resolve, reject) => {
      // A sandbox has a /tmp of its own.
      const own = command.replaceAll('/tmp/outputs', join(this.folder, '.outputs'));
      const child = spawn('/bin/sh', ['-c', `exec 2>&1\n${own}`], {
        cwd: this.folder,
        stdio: ['ignore', 'pipe', 'inherit'],
        detached: true,
      });
      const kill = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
      const chunks: Buffer[] = [];
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        kill();
      }, options.timeoutMs);
      options.signal?.addEventListener('abort', kill, { once: true });
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', kill);
        const all = Buffer.concat(chunks);
        const half = Math.floor(options.maxBytes / 2);
        const cut = all.byteLength > options.maxBytes;
        const kept = cut ? Buffer.concat([all.subarray(0, half), all.subarray(-half)]) : all;
        const output = kept.toString('utf8');
        const ms = performance.now() - began;
        const droppedBytes = all.byteLength - kept.byteLength;
        resolve(
          timedOut
            ? { kind: 'timed_out', output, droppedBytes, ms }
            : { kind: 'exited', exitCode: code ?? 137, output, droppedBytes, ms },
        );
      });
    });
  }

  async read(path: string, maxBytes: number): Promise<Awaited<ReturnType<Workspace['read']>>> {
    const full = join(this.folder, path);
    const found = await stat(full).catch(() => null);
    if (found === null) return { kind: 'absent' };
    if (found.isDirectory()) return { kind: 'directory', entries: await readdir(full) };
    const content = await readFile(full, 'utf8');
    return { kind: 'file', content: content.slice(0, maxBytes), truncated: content.length > maxBytes };
  }

  async write(path: string, content: string): Promise<{ kind: 'written' }> {
    await mkdir(dirname(join(this.folder, path)), { recursive: true });
    await writeFile(join(this.folder, path), content);
    return { kind: 'written' };
  }

  /** What runs beside, until it is stopped. */
  readonly beside = new Set<ChildProcess>();

  async start(command: string): ReturnType<Workspace['start']> {
    const child = spawn('/bin/sh', ['-c', `exec 2>&1\n${command}`], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    let output = '';
    let ended: string | null = null;
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    this.beside.add(child);
    const closed = new Promise<void>((resolve) => {
      child.once('close', (code) => {
        ended ??= `exit code ${code}`;
        this.beside.delete(child);
        resolve();
      });
    });
    return {
      kind: 'started',
      command: {
        read: () => {
          const said = output;
          output = '';
          return { output: said, droppedBytes: 0, ended };
        },
        stop: async () => {
          if (ended === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
          ended ??= 'stopped';
          await closed;
        },
      },
    };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export class MemoryTurns implements TurnLog {
  readonly records: TurnRecord[] = [];
  readonly changes: ConversationChange[] = [];
  /** Throws instead of recording that turn, as a process that dies there would. */
  dieAt: number | null = null;

  async load(): Promise<{ turns: TurnRecord[]; changes: ConversationChange[] }> {
    return structuredClone({ turns: this.records, changes: this.changes });
  }

  async changed(change: ConversationChange): Promise<void> {
    this.changes.push(structuredClone(change));
  }

  /** Turns that were announced. */
  readonly announced: number[] = [];

  async asked(turn: number): Promise<void> {
    this.announced.push(turn);
  }

  /** Turns that came to nothing, and why. */
  readonly lostTurns: [number, string][] = [];

  async lost(turn: number, reason: string): Promise<void> {
    this.lostTurns.push([turn, reason]);
  }

  async record(turn: TurnRecord): Promise<void> {
    if (turn.turn === this.dieAt) throw new Error('killed');
    // Through JSON, as the real log does.
    this.records.push(JSON.parse(JSON.stringify(turn)) as TurnRecord);
  }
}

export class MemoryBudget implements Budget {
  readonly held = new Map<string, { reserved: number; settled: number | null }>();
  readonly cap: number;

  constructor(cap = 1_000) {
    this.cap = cap;
  }

  get spent(): number {
    return [...this.held.values()].reduce((sum, one) => sum + (one.settled ?? one.reserved), 0);
  }

  async reserve(key: string, scopes: readonly string[], usd: number): ReturnType<Budget['reserve']> {
    if (this.held.has(key)) return { kind: 'reserved' };
    const left = this.cap - this.spent;
    if (usd > left) return { kind: 'refused', scope: scopes[0] ?? 'factory', left };
    this.held.set(key, { reserved: usd, settled: null });
    return { kind: 'reserved' };
  }

  async settle(key: string, usd: number): Promise<void> {
    const one = this.held.get(key);
    if (one === undefined) throw new Error(`settled without a reservation: ${key}`);
    one.settled ??= usd;
  }
}

/** Time that passes only by being slept; every sleep is kept. */
export class FakeClock implements Clock {
  readonly sleeps: number[] = [];
  #now = 1_000_000;

  now(): number {
    return this.#now;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    // The loop's own deadline is not slept through: it would fire at once.
    if (ms > 600_000)
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    signal?.throwIfAborted();
    this.sleeps.push(ms);
    this.#now += ms;
  }
}
