import { type AcceptanceChecks, type AcceptanceResult, decides } from '@millwright/domain';
import type { Toolchain } from '@millwright/toolchains';
import { extract, pack } from 'tar-stream';
import type { HarnessPlan } from './harness-plan.ts';
import { installHarness } from './install-harness.ts';
import type { Session } from './report.ts';
import type { Prepared, Where } from './run-suite.ts';
import { commandResult } from './text.ts';
import { unpackIn } from './unpack.ts';

export type AcceptanceOptions = {
  toolchain: Toolchain;
  checks: AcceptanceChecks['checks'];
  /** A tar of the files that the tester wrote, relative to the root. */
  files: Uint8Array | null;
  /** Changes to the workspace beside the checks. */
  plan: HarnessPlan;
  timeoutMs: number;
  signal?: AbortSignal;
};

type Ran = Pick<AcceptanceResult, 'acceptance' | 'result' | 'byTree'>;

const KEPT = 65_536;
/** Processes of checks that can report; what starts after so many cannot be believed. */
const KEYS = 128;
/** One check is a small thing; a suite's time is not. */
const ONE_CHECK_MS = 120_000;

/**
 * Runs the tester's checks in one fresh container. A check is met when its command ends with 0 and each of its own programs has said, under
 * its key and as its last statement, that it came to its end: code of the tree that ends the process before, with whatever exit code, has
 * not met it. What cannot be run is not met. Where nothing said a word and a program of the tree decides how the command ends, it is `byTree`.
 */
export async function runAcceptance(
  where: Where,
  subject: Prepared,
  options: AcceptanceOptions,
): Promise<Ran[]> {
  const unmet = (reason: string): Ran[] =>
    options.checks.map(({ acceptance, command }) => ({
      acceptance,
      result: commandResult(command, { kind: 'gone', reason }, 0),
    }));
  if (options.checks.length === 0) return [];
  const opened = await where.sandboxes.open({
    ...{ run: where.run, attempt: where.attempt, purpose: 'verify-acceptance' },
    ...{ checkout: subject.checkout, deps: subject.layer, root: subject.root },
    ...(subject.image === undefined ? {} : { image: subject.image }),
  });
  if (opened.kind === 'refused') return unmet(`no sandbox: ${opened.reason}`);
  const { sandbox } = opened;
  const { toolchain, plan } = options;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  try {
    const commands = options.checks.map(({ command }) => command).join('\n');
    const harness = await installHarness(sandbox, {
      ...{
        toolchain,
        mode: 'acceptance',
        root: subject.root,
        command: commands,
        plan,
        keys: KEYS,
        ...signal,
      },
    });
    if (harness.kind === 'lost') return unmet(`the checks could not be set up: ${harness.reason}`);
    const { tar, programs, scripts } = await prepared(toolchain, options, harness.folder);
    if (tar !== null) {
      const trouble = await unpackIn(sandbox, tar, options.signal);
      if (trouble !== null) return unmet(trouble);
    }
    const results: Ran[] = [];
    let seen = 0;
    for (const { acceptance, command } of options.checks) {
      const startedAt = performance.now();
      const timeoutMs = Math.min(options.timeoutMs, ONE_CHECK_MS);
      const ended = await sandbox.exec(harness.launch(command), {
        ...{ timeoutMs, maxBytes: KEPT, ...signal },
      });
      const ms = Math.round(performance.now() - startedAt);
      where.ran?.('verify-acceptance', ms);
      const result = commandResult(command, ended, ms);
      const sessions = ended.kind === 'exited' ? await harness.sessions() : [];
      const speaks = programs.some((name) => command.includes(name)) || toolchain.speaks(command);
      const said = sessions.slice(seen);
      const doubt = doubtOf(said, speaks);
      const byTree =
        said.length === 0 && decides(command, (path) => scripts.get(path) ?? null).by !== 'other';
      seen = Math.max(seen, sessions.length);
      const output = `${result.output.slice(-15_000)}\n[not believed: ${doubt}]`;
      results.push({
        acceptance,
        result: doubt === null || result.exitCode !== 0 ? result : { ...result, exitCode: null, output },
        ...(byTree ? { byTree } : {}),
      });
    }
    return results;
  } finally {
    await sandbox.destroy();
  }
}

/** Why a check that ended with 0 has not held all the same, or null. `speaks`: it has a program that must have said its word. */
function doubtOf(sessions: readonly Session[], speaks: boolean): string | null {
  for (const session of sessions) {
    if (session.kind === 'forged') return session.why;
    if (session.kind === 'unfinished')
      return session.runner === 'check'
        ? 'a program of the check ended before its last statement, or with another exit code'
        : 'the test runner of the check ended before its tests did';
    const failed = session.outcomes.find(({ state }) => state === 'fail');
    if (failed !== undefined) return `a test of the check failed: ${failed.name}`;
    if (session.runner !== 'check' && !session.outcomes.some(({ state }) => state === 'pass'))
      return 'the test runner of the check ran no test';
  }
  return speaks && sessions.length === 0 ? 'no program of the check came to its last statement' : null;
}

/** The checks' files with what makes each program of them say its word, and which those are; the others by their texts. */
async function prepared(
  toolchain: Toolchain,
  { files, checks }: Pick<AcceptanceOptions, 'files' | 'checks'>,
  folder: string,
): Promise<{ tar: Uint8Array | null; programs: string[]; scripts: ReadonlyMap<string, string> }> {
  const scripts = new Map<string, string>();
  if (files === null) return { tar: null, programs: [], scripts };
  const from = extract();
  const to = pack();
  const programs: string[] = [];
  from.end(Buffer.from(files));
  for await (const entry of from) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const { name } = entry.header;
    const bytes = Buffer.concat(chunks);
    const speaking =
      entry.header.type === 'file'
        ? toolchain.speaking(
            name,
            bytes.toString('utf8'),
            folder,
            checks.map(({ command }) => command),
          )
        : null;
    if (speaking !== null) programs.push(name.slice(name.lastIndexOf('/') + 1));
    else scripts.set(name.replace(/^\.\//, ''), bytes.toString('utf8', 0, KEPT));
    to.entry(
      { name, mode: entry.header.mode ?? 0o644, type: entry.header.type ?? 'file' },
      speaking === null ? bytes : Buffer.from(speaking),
    );
  }
  to.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of to) chunks.push(chunk as Buffer);
  return { tar: Buffer.concat(chunks), programs, scripts };
}
