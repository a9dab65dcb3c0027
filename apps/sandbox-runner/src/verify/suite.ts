import { randomBytes } from 'node:crypto';
import type { CommandResult } from '@millwright/domain';
import type { Checkout, Layer, Sandboxes } from '../sandbox/index.ts';
import { type Canary, canarySource, type KnownRunner } from './canary.ts';
import { quote } from './command.ts';
import type { SuiteRun } from './judge.ts';
import { type Laying, packLaying } from './lay.ts';
import { readSession, type Session } from './report.ts';
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

const MAX_REPORT = 64 * 1024 * 1024;
const KEPT = 65_536;

/** Runs the test command once, in a fresh container that is destroyed afterwards. Throws only when the engine fails or `signal` is aborted. */
export async function runSuite(
  where: Where,
  subject: Prepared,
  options: SuiteOptions,
): Promise<{ run: SuiteRun; result: CommandResult }> {
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
    const keys = Array.from({ length: options.sessions }, () => randomBytes(32));
    const folder = `/tmp/${randomBytes(9).toString('hex')}`;
    const append = [
      ...options.laying.append,
      ...options.canaries.map((canary) => ({
        path: canary.file,
        text: canarySource(canary.runner, canary, subject.root),
      })),
    ];
    const parcel = `.${randomBytes(9).toString('hex')}`;
    const written = await sandbox.write(parcel, await packLaying({ ...options.laying, append }, keys));
    if (written.kind === 'refused') return lost(options, written.reason);
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const laid = await sandbox.exec(
      `mkdir ${folder} && base64 -d ${parcel} | tar -xzf - -C ${folder} && rm ${parcel} && sh ${folder}/apply.sh ${folder}`,
      { timeoutMs: 60_000, maxBytes: 4_096, ...signal },
    );
    if (laid.kind !== 'exited' || laid.exitCode !== 0)
      return lost(
        options,
        `the tests could not be laid: ${laid.kind === 'gone' ? laid.reason : laid.output}`,
      );
    const mode = options.canaries.length > 0 ? 'canary' : 'observe';
    const startedAt = performance.now();
    const ended = await sandbox.exec(launch(options.command.script, subject.root, folder, mode), {
      ...{ timeoutMs: options.timeoutMs, maxBytes: KEPT },
      ...signal,
    });
    const ms = Math.round(performance.now() - startedAt);
    where.ran?.(options.purpose, ms);
    const sessions: Session[] = [];
    if (ended.kind === 'exited') {
      for (const [index, key] of keys.entries()) {
        const report = await sandbox.exec(`cat ${folder}/report-${index}`, {
          ...{ timeoutMs: 60_000, maxBytes: MAX_REPORT },
          ...signal,
        });
        if (report.kind !== 'exited' || report.exitCode !== 0) break;
        sessions.push(
          report.droppedBytes > 0
            ? { kind: 'forged', why: `the report is larger than ${MAX_REPORT} bytes` }
            : readSession(report.output, key),
        );
      }
    }
    const end =
      ended.kind === 'timed_out'
        ? ({ kind: 'timed_out', afterMs: options.timeoutMs } as const)
        : ended.kind === 'gone'
          ? ({ kind: 'gone', reason: ended.reason } as const)
          : ({ kind: 'exited', exitCode: ended.exitCode } as const);
    return { run: { end, sessions }, result: commandResult(options.command.text, ended, ms) };
  } finally {
    await sandbox.destroy();
  }
}

// CI keeps vitest from watching and jest from writing snapshots. The shim comes first, so that programs find our node.
function launch(script: string, root: string, folder: string, mode: string): string {
  return [
    `unset NO_COLOR; export MILLWRIGHT_NODE="$(command -v node || true)"`,
    `export MILLWRIGHT_FOLDER=${folder} MILLWRIGHT_ROOT=${root} MILLWRIGHT_MODE=${mode} CI=1 INIT_CWD=${root}`,
    `export PATH=${folder}/bin:${root}/node_modules/.bin:"$PATH"`,
    `exec sh -c ${quote(script)}`,
  ].join('\n');
}

function lost(options: SuiteOptions, reason: string): { run: SuiteRun; result: CommandResult } {
  return {
    run: { end: { kind: 'gone', reason }, sessions: [] },
    result: commandResult(options.command.text, { kind: 'gone', reason }, 0),
  };
}
