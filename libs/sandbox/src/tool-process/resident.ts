import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reading } from '../engine/container.ts';
import { demultiplex } from './mux.ts';
import { quote } from './quote.ts';
import { limitTime } from './time-limit.ts';

// The runner's end of the tool process. Invariants:
//
// 1. Each call carries a fresh 128-bit nonce. What comes before `<nonce> <status>\n` is the command's output; with it the call is over.
//    What has the nonce and is not that is a broken frame: the sandbox is gone.
// 2. No command sees its nonce, so none can say it. PID 1 prints it when it has killed every other process, and until then has it in its
//    memory and its standard input, and lets nobody in: it runs an execute-only copy of the image's shell (shell.ts), which the kernel
//    therefore holds non-dumpable, so a process of the same uid can neither ptrace it nor open /proc/1/fd, mem or environ. As PID 1 it
//    also takes no signal from inside but USR1, which only ends the call that sent it.
// 3. When a call is over no process but PID 1 is alive: background work ends with the command that started it. What does not die at once
//    (for want of a processor) may still write what it had begun to: it is dropped until the next call, and may at worst come before that
//    one's output.
// 4. One call at a time. A kill is waited for before the next call is sent.
// 5. Everything comes on the container's stdout channel: PID 1 says nothing on the other, and closed it before there was a command.
//
// One mark a call, not three: each is a write that the engine's two relays are woken for, 0.3 ms on two cores that start a shell meanwhile.
//
// Whatever a sandbox says about its own commands can hurt that attempt alone: verdicts are computed elsewhere.

const PREAMBLE = readFileSync(join(import.meta.dirname, 'resident.sh'), 'utf8');
/** A command's output is dropped beyond its caller's bound, but it costs the host work all the same: past this the command is killed. */
const OUTPUT_HARD_LIMIT = 64 * 1_048_576;
const OVERFLOW_NOTE = `\n… killed: more than ${OUTPUT_HARD_LIMIT / 1_048_576} MiB of output …\n`;
/** Measured: a killed command is reported within 10 ms, 512 processes within 100 ms. */
const KILL_GRACE_MS = 5_000;
const KILL_AGAIN_MS = 250;
/** Of the status and its line's end. */
const STATUS_MAX = 4;

export type CallEnd =
  | { kind: 'exited'; exitCode: number }
  | { kind: 'timed_out' }
  | { kind: 'aborted' }
  | { kind: 'gone'; reason: string };

type CallOptions = {
  shell: '/bin/sh' | '/bin/bash';
  timeoutMs: number;
  /** Where it is given, `timeoutMs` is of time in which the command could go on (time-limit.ts); else of the clock's. */
  read?: () => Promise<Reading | null>;
  onOutput: (data: Buffer) => void;
  /** Waited for when the time is up, before anything is killed: it ends soon, and does not throw. */
  look?: () => Promise<void>;
  /** Bytes for the command's standard input; /dev/null otherwise. No NUL. */
  stdin?: string;
  signal?: AbortSignal;
};

export type Resident = {
  /** Runs one command. Never rejects. Neither `command` nor `stdin` may hold a NUL. */
  call(command: string, options: CallOptions): Promise<CallEnd>;
  /** Resolves with the reason when no further call can be made. */
  readonly gone: Promise<string>;
};

type Pending = {
  nonce: string;
  closed: boolean;
  bytes: number;
  onOutput: (data: Buffer) => void;
  overflow: () => void;
  settle: (end: { kind: 'exited'; exitCode: number } | { kind: 'gone'; reason: string }) => void;
};

/** How much of the end may be the beginning of the frame: the rest is output, and somebody may wait for it. */
function heldBack(data: Buffer, nonce: string): number {
  for (let length = Math.min(data.length, nonce.length); length > 0; length -= 1)
    if (data.toString('latin1', data.length - length) === nonce.slice(0, length)) return length;
  return 0;
}

/**
 * Speaks to a fresh tool process over the container's attached stream. `interrupt` sends USR1 to PID 1; `end` is called once with the reason when the stream is no longer believed.
 */
export function attachResident(
  stream: Duplex,
  options: { interrupt: () => Promise<void>; end: (reason: string) => void },
): Resident {
  let pending: Pending | null = null;
  let ended: string | null = null;
  let carry: Buffer = Buffer.alloc(0);
  let last: Promise<unknown> = Promise.resolve();
  const gone = Promise.withResolvers<string>();

  const finish = (reason: string) => {
    if (ended !== null) return;
    ended = reason;
    pending?.settle({ kind: 'gone', reason });
    stream.destroy();
    options.end(reason);
    gone.resolve(reason);
  };

  const onData = (data: Buffer) => {
    // Between calls nothing may print; what a dying process still does is nobody's output.
    if (pending === null || pending.closed) return;
    carry = carry.length === 0 ? data : Buffer.concat([carry, data]);
    const end = carry.indexOf(`${pending.nonce} `);
    const ready = end < 0 ? carry.length - heldBack(carry, pending.nonce) : end;
    if (ready > 0) {
      pending.bytes += ready;
      pending.onOutput(carry.subarray(0, ready));
      if (pending.bytes > OUTPUT_HARD_LIMIT) pending.overflow();
    }
    carry = carry.subarray(ready);
    if (end < 0) return;
    const said = carry.toString('latin1', pending.nonce.length + 1);
    const status = /^(\d{1,3})\n/.exec(said)?.[1];
    if (status === undefined) {
      if (said.length >= STATUS_MAX || !/^\d*$/.test(said)) finish('the tool process sent a broken frame');
      return;
    }
    pending.closed = true;
    carry = Buffer.alloc(0);
    pending.settle({ kind: 'exited', exitCode: Number(status) });
  };

  const feed = demultiplex((channel, data) => {
    if (channel === 'stdout') onData(data);
    else finish('something spoke on the channel that the tool process closed');
  });
  stream.on('data', (chunk: Buffer) => {
    if (ended !== null) return;
    try {
      feed(chunk);
    } catch (error) {
      finish(`the attached stream cannot be read: ${String(error)}`);
    }
  });
  stream.on('error', (error) => finish(`the attached stream failed: ${error.message}`));
  stream.on('close', () => finish('the container ended'));
  stream.on('end', () => finish('the container ended'));
  stream.write(PREAMBLE);

  /**
   * Signals until the call is over. Once is not enough: a signal that comes before PID 1 waits for the command runs its trap and ends
   * nothing. The last signal has been delivered when this resolves, so that none is left for the next call.
   */
  const interruptUntil = async (over: Promise<unknown>) => {
    const settled = over.then(() => true);
    for (let left = KILL_GRACE_MS; left > 0; left -= KILL_AGAIN_MS) {
      await options.interrupt();
      if (await Promise.race([settled, sleep(KILL_AGAIN_MS, false)])) return;
    }
    finish('the tool process did not answer after a kill');
  };

  const run = async (
    command: string,
    { shell, timeoutMs, read, onOutput, look, stdin, signal }: CallOptions,
  ): Promise<CallEnd> => {
    if (ended !== null) return { kind: 'gone', reason: ended };
    if (signal?.aborted === true) return { kind: 'aborted' };
    const done = Promise.withResolvers<
      { kind: 'exited'; exitCode: number } | { kind: 'gone'; reason: string }
    >();
    let why: 'timed_out' | 'aborted' | 'overflow' | null = null;
    let killing: Promise<void> | null = null;
    const kill = (reason: 'timed_out' | 'aborted' | 'overflow') => {
      if (why !== null) return;
      why = reason;
      killing = Promise.resolve(reason === 'timed_out' ? look?.() : undefined)
        .then(() => interruptUntil(done.promise))
        .catch((error: unknown) => finish(`a command could not be killed: ${String(error)}`));
    };
    const nonce = randomBytes(16).toString('hex');
    carry = Buffer.alloc(0);
    pending = {
      nonce,
      closed: false,
      bytes: 0,
      onOutput,
      overflow: () => kill('overflow'),
      settle: (end) => done.resolve(end),
    };
    const late = () => kill('timed_out');
    const timer = read === undefined ? setTimeout(late, timeoutMs) : null;
    const inTime = read === undefined ? () => {} : limitTime(timeoutMs, read, late);
    const onAbort = () => kill('aborted');
    signal?.addEventListener('abort', onAbort, { once: true });
    const words = [nonce, shell, quote(command), ...(stdin === undefined ? [] : [quote(stdin)])];
    stream.write(`r ${words.join(' ')}\n`);
    const end = await done.promise;
    clearTimeout(timer ?? undefined);
    inTime();
    signal?.removeEventListener('abort', onAbort);
    await killing;
    pending = null;
    if (end.kind === 'gone') return end;
    if (why === 'overflow') onOutput(Buffer.from(OVERFLOW_NOTE));
    return why === 'timed_out' || why === 'aborted' ? { kind: why } : end;
  };

  return {
    gone: gone.promise,
    call(command, callOptions) {
      const next = last.then(() => run(command, callOptions));
      last = next;
      return next;
    },
  };
}
