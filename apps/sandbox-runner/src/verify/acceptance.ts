import { randomBytes } from 'node:crypto';
import type { AcceptanceChecks, TestReport } from '@millwright/domain';
import { layInto } from './laid.ts';
import type { Session } from './report.ts';
import type { Prepared, Where } from './suite.ts';
import { commandResult } from './text.ts';

export type AcceptanceOptions = {
  checks: AcceptanceChecks['checks'];
  /** A tar of the files that the tester wrote, relative to the root. */
  files: Uint8Array | null;
  timeoutMs: number;
  signal?: AbortSignal;
};

const KEPT = 65_536;
/** Processes of checks that can report; what starts after so many is judged by its exit code. */
const KEYS = 128;
const NOTHING = { remove: [], write: [], append: [] };
/** One check is a small thing; a suite's time is not. */
const ONE_CHECK_MS = 120_000;

/**
 * Runs the tester's checks in one fresh container on the candidate; exit code 0 is met. What cannot be run is not met, nor is a check whose
 * process was ended by code of the tree: `process.exit(0)` in a module would else meet every check that loads it.
 */
export async function runAcceptance(
  where: Where,
  subject: Prepared,
  options: AcceptanceOptions,
): Promise<TestReport['acceptance']> {
  const unmet = (reason: string): TestReport['acceptance'] =>
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
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  try {
    const laid = await layInto(sandbox, { root: subject.root, laying: NOTHING, keys: KEYS, ...signal });
    if (laid.kind === 'lost') return unmet(`the checks could not be laid: ${laid.reason}`);
    if (options.files !== null) {
      const parcel = `.${randomBytes(9).toString('hex')}`;
      const written = await sandbox.write(parcel, Buffer.from(options.files).toString('base64'));
      if (written.kind === 'refused') return unmet(written.reason);
      const unpacked = await sandbox.exec(
        `base64 -d ${parcel} > /tmp/${parcel} && rm ${parcel} && tar -xf /tmp/${parcel} && rm /tmp/${parcel}`,
        { timeoutMs: 60_000, maxBytes: 4_096, ...signal },
      );
      if (unpacked.kind !== 'exited' || unpacked.exitCode !== 0)
        return unmet(
          `the checks' files could not be laid: ${unpacked.kind === 'gone' ? unpacked.reason : unpacked.output}`,
        );
    }
    const results: TestReport['acceptance'] = [];
    let seen = 0;
    for (const { acceptance, command } of options.checks) {
      const startedAt = performance.now();
      const timeoutMs = Math.min(options.timeoutMs, ONE_CHECK_MS);
      const ended = await sandbox.exec(laid.launch(command, 'acceptance'), {
        ...{ timeoutMs, maxBytes: KEPT, ...signal },
      });
      const ms = Math.round(performance.now() - startedAt);
      where.ran?.('verify-acceptance', ms);
      const result = commandResult(command, ended, ms);
      const sessions = result.exitCode === 0 ? await laid.sessions() : [];
      const doubt = sessions
        .slice(seen)
        .map(doubtOf)
        .find((why) => why !== null);
      seen = sessions.length;
      const output = `${result.output.slice(-15_000)}\n[not believed: ${doubt}]`;
      results.push({
        acceptance,
        result: doubt === undefined ? result : { ...result, exitCode: null, output },
      });
    }
    return results;
  } finally {
    await sandbox.destroy();
  }
}

/** Why a check that ended with 0 has not held all the same, or null. */
function doubtOf(session: Session): string | null {
  if (session.kind === 'forged') return session.why;
  if (session.kind === 'finished') return null;
  return session.by === null
    ? 'a process of the check ended before the check did'
    : `${session.by} ended the process before the check did`;
}
