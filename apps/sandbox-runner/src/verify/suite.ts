import type { CommandResult } from '@millwright/domain';
import type { Checkout, Layer, Sandboxes } from '@millwright/sandbox';
import { type Canary, canarySource, type KnownRunner } from './canary.ts';
import type { SuiteRun } from './judge.ts';
import { layInto } from './laid.ts';
import type { Laying } from './lay.ts';
import { commandResult } from './text.ts';

/** A tree that is ready to run: its files, its dependencies, the image and the folder it runs in. */
export type Prepared = {
  checkout: Checkout;
  layer: Layer | null;
  image?: string;
  root: '/workspace' | '/app';
};

export type Where = {
  sandboxes: Sandboxes;
  run: string;
  attempt: string;
  /** Told of every run of the repository's or the tester's commands, as it ends: what is left of a stage's time is the factory's own. */
  ran?: (purpose: string, ms: number) => void;
};

export type SuiteOptions = {
  purpose: string;
  /** What people read, and what the shell runs. */
  command: { text: string; script: string };
  laying: Laying;
  canaries: readonly (Canary & { runner: KnownRunner })[];
  /** How many runner sessions may report: each gets a key of its own. */
  sessions: number;
  timeoutMs: number;
  signal?: AbortSignal;
};

const KEPT = 65_536;

/** `whole`: every process that wanted to report could, as far as is known. */
export type RanSuite = { run: SuiteRun; result: CommandResult; whole: boolean };

/** Runs the test command once, in a fresh container that is destroyed afterwards. Throws only when the engine fails or `signal` is aborted. */
export async function runSuite(where: Where, subject: Prepared, options: SuiteOptions): Promise<RanSuite> {
  const opened = await where.sandboxes.open({
    run: where.run,
    attempt: where.attempt,
    purpose: options.purpose,
    checkout: subject.checkout,
    deps: subject.layer,
    root: subject.root,
    ...(subject.image === undefined ? {} : { image: subject.image }),
  });
  if (opened.kind === 'refused') return lost(options, `no sandbox: ${opened.reason}`);
  const { sandbox } = opened;
  try {
    const canaries = options.canaries.map((canary) => ({
      path: canary.file,
      text: canarySource(canary.runner, canary, subject.root),
    }));
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const laid = await layInto(sandbox, {
      ...{ root: subject.root, keys: options.sessions, ...signal },
      laying: { ...options.laying, append: [...options.laying.append, ...canaries] },
    });
    if (laid.kind === 'lost') return lost(options, `the tests could not be laid: ${laid.reason}`);
    const mode = options.canaries.length > 0 ? 'canary' : 'observe';
    const startedAt = performance.now();
    const ended = await sandbox.exec(laid.launch(options.command.script, mode), {
      ...{ timeoutMs: options.timeoutMs, maxBytes: KEPT },
      ...signal,
    });
    const ms = Math.round(performance.now() - startedAt);
    where.ran?.(options.purpose, ms);
    const sessions = ended.kind === 'exited' ? await laid.sessions() : [];
    const whole = ended.kind === 'exited' && !(await laid.more());
    const end =
      ended.kind === 'timed_out'
        ? ({ kind: 'timed_out', afterMs: options.timeoutMs } as const)
        : ended.kind === 'gone'
          ? ({ kind: 'gone', reason: ended.reason } as const)
          : ({ kind: 'exited', exitCode: ended.exitCode } as const);
    return { run: { end, sessions }, result: commandResult(options.command.text, ended, ms), whole };
  } finally {
    await sandbox.destroy();
  }
}

function lost(options: SuiteOptions, reason: string): RanSuite {
  return {
    run: { end: { kind: 'gone', reason }, sessions: [] },
    result: commandResult(options.command.text, { kind: 'gone', reason }, 0),
    whole: false,
  };
}
