import { randomBytes } from 'node:crypto';
import type { AcceptanceChecks, TestReport } from '@millwright/domain';
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
/** One check is a small thing; a suite's time is not. */
const ONE_CHECK_MS = 120_000;

/** Runs the tester's checks in one fresh container on the candidate; exit code 0 is met. What cannot be run is not met. */
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
    if (options.files !== null) {
      const parcel = `.${randomBytes(9).toString('hex')}`;
      const written = await sandbox.write(parcel, Buffer.from(options.files).toString('base64'));
      if (written.kind === 'refused') return unmet(written.reason);
      const laid = await sandbox.exec(
        `base64 -d ${parcel} > /tmp/${parcel} && rm ${parcel} && tar -xf /tmp/${parcel} && rm /tmp/${parcel}`,
        { timeoutMs: 60_000, maxBytes: 4_096, ...signal },
      );
      if (laid.kind !== 'exited' || laid.exitCode !== 0)
        return unmet(
          `the checks' files could not be laid: ${laid.kind === 'gone' ? laid.reason : laid.output}`,
        );
    }
    const results: TestReport['acceptance'] = [];
    for (const { acceptance, command } of options.checks) {
      const startedAt = performance.now();
      const timeoutMs = Math.min(options.timeoutMs, ONE_CHECK_MS);
      const result = await sandbox.exec(`export CI=1\n${command}`, { timeoutMs, maxBytes: KEPT, ...signal });
      const ms = Math.round(performance.now() - startedAt);
      where.ran?.('verify-acceptance', ms);
      results.push({ acceptance, result: commandResult(command, result, ms) });
    }
    return results;
  } finally {
    await sandbox.destroy();
  }
}
