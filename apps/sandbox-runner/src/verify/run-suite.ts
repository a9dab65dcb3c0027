import type { CommandResult } from '@millwright/domain';
import type { Checkout, Layer, Sandboxes } from '@millwright/sandbox';
import type { HarnessMode, TestCommand, Toolchain } from '@millwright/toolchains';
import type { HarnessPlan } from './harness-plan.ts';
import { installHarness } from './install-harness.ts';
import type { SuiteRun } from './judge.ts';
import { commandResult } from './text.ts';

/** A tree that is ready to run: its files, its dependencies, the image and the folder it runs in. */
export type Prepared = {
  checkout: Checkout;
  layer: Layer | null;
  image?: string;
  root: '/workspace' | '/app';
  /** How what was installed differs from what the tree asks for, in words. */
  compromise?: string | null;
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
  toolchain: Toolchain;
  command: Extract<TestCommand, { kind: 'command' }>;
  mode: Exclude<HarnessMode, 'acceptance'>;
  plan: HarnessPlan;
  /** How many runner sessions may report: each gets a key of its own. */
  sessions: number;
  timeoutMs: number;
  signal?: AbortSignal;
};

const KEPT = 262_144;

/**
 * `whole`: every process that wanted to report could, as far as is known. `output` is all that was kept of what it printed. `passed`: of a command of
 * several steps that did not end well, how many did, as far as is known: marks that code of the tree could forge, told and never judged by.
 */
export type RanSuite = {
  run: SuiteRun;
  result: CommandResult;
  output: string;
  whole: boolean;
  runtime: string | null;
  passed: number | null;
};

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
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const harness = await installHarness(sandbox, {
      ...{ toolchain: options.toolchain, mode: options.mode, plan: options.plan, ...signal },
      ...{ root: subject.root, command: options.command.starts, keys: options.sessions },
    });
    if (harness.kind === 'lost') return lost(options, `the tests could not be set up: ${harness.reason}`);
    const startedAt = performance.now();
    const ended = await sandbox.exec(harness.launch(options.command.following(harness.folder)), {
      ...{ timeoutMs: options.timeoutMs, maxBytes: KEPT },
      ...signal,
    });
    const ms = Math.round(performance.now() - startedAt);
    where.ran?.(options.purpose, ms);
    const sessions = ended.kind === 'exited' ? await harness.sessions() : [];
    const well = ended.kind === 'gone' || (ended.kind === 'exited' && ended.exitCode === 0);
    const passed = well || options.command.steps.length < 2 ? null : await harness.passed();
    const whole = ended.kind === 'exited' && !(await harness.more());
    const end =
      ended.kind === 'timed_out'
        ? ({ kind: 'timed_out', afterMs: options.timeoutMs } as const)
        : ended.kind === 'gone'
          ? ({ kind: 'gone', reason: ended.reason } as const)
          : ({ kind: 'exited', exitCode: ended.exitCode } as const);
    const output = ended.kind === 'gone' ? '' : ended.output;
    return {
      ...{ run: { end, sessions }, result: commandResult(options.command.text, ended, ms), output, whole },
      ...{ runtime: harness.runtime, passed },
    };
  } finally {
    await sandbox.destroy();
  }
}

function lost(options: SuiteOptions, reason: string): RanSuite {
  return {
    run: { end: { kind: 'gone', reason }, sessions: [] },
    result: commandResult(options.command.text, { kind: 'gone', reason }, 0),
    ...{ output: '', whole: false, runtime: null, passed: null },
  };
}
