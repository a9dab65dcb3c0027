import {
  type AcceptanceResult,
  isUnmet,
  sendsBack,
  type TestDoubt,
  type TestReport,
  uncounted,
} from '@millwright/domain';

// What acceptance checks make of what the suite said. Pure.

/** `bug`: the change is to mend one, alone. */
export function withChecks(suite: TestReport, { bug }: { bug: boolean }): TestReport {
  const report = withUncounted(suite);
  const { acceptance } = report;
  const [first, ...more] = acceptance.filter(isUnmet);
  if (first === undefined) return bug ? provenMended(report) : report;
  const unmet = `${more.length + 1} of ${acceptance.length} acceptance checks failed: "${first.acceptance.slice(0, 300)}".`;
  return sendsBack(report.verdict)
    ? { ...report, reason: `${report.reason} ${unmet}`.slice(0, 4_000) }
    : { ...report, verdict: 'failed', reason: unmet };
}

/** A report that says which checks do not count, in its reason and to whoever looks at its gate. */
function withUncounted(report: TestReport): TestReport {
  const doubts = report.acceptance.flatMap((check): TestDoubt[] => {
    const why = uncounted(check);
    const text = `has an acceptance check that does not count: "${check.acceptance.slice(0, 300)}" (${why})`;
    return why === null ? [] : [{ code: 'check-does-not-count', text }];
  });
  const [first] = doubts;
  if (first === undefined) return report;
  const many = doubts.length > 1 ? ` (one of ${doubts.length} such)` : '';
  return {
    ...report,
    reason: `${report.reason} It ${first.text}${many}.`.slice(0, 4_000),
    doubts: [...doubts, ...report.doubts].slice(0, 100),
  };
}

/** A bug is mended where something turns from failing to passing: a test of the base, one of the change's, or an acceptance check. */
function provenMended(report: TestReport): TestReport {
  if (report.verdict !== 'passed' && report.verdict !== 'failing_as_on_base') return report;
  if (report.names.turned.length > 0) return report;
  const turns = (check: AcceptanceResult) => check.before.exitCode !== 0 && uncounted(check) === null;
  if (report.acceptance.some(turns)) return report;
  return {
    ...report,
    verdict: 'failed',
    reason:
      `The ticket is a bug, and no test turns from failing to passing with this change: ${report.reason}`.slice(
        0,
        4_000,
      ),
  };
}
