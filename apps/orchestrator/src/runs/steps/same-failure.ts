import { createHash } from 'node:crypto';
import {
  type Clock,
  Digest,
  getJson,
  isUnmet,
  type Run,
  sendsBack,
  TestReport,
  type Todo,
  terminal,
  workOf,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Settings } from '../../settings.ts';
import type { StepResult } from '../step.ts';

type Ports = { clock: Clock; settings: Settings; store: Store };

/** What differs from one run of the same failure to the next: where it stood, how long it took, where memory and scratch files were. */
const passing = (text: string): string =>
  text
    .replace(/^\s*at .*$/gm, '')
    .replace(/0x[0-9a-f]+/gi, '0x')
    .replace(/\d+(\.\d+)?\s?(ms|s|µs)\b|duration_ms[ :]+[\d.]+/g, 'time')
    .replace(/\/tmp\/\S+/g, '/tmp')
    .replace(/:\d+(:\d+)?\b/g, '');

/** Which tests failed and what they said: the same for two reports that fail for the same. Null where nothing is sent back. */
export function failureOf(report: TestReport): Digest | null {
  if (!sendsBack(report.verdict)) return null;
  const { names, failures, baseTests, acceptance, suite, reason } = report;
  const unmet = acceptance
    .filter(isUnmet)
    .map(({ acceptance: of, result }) => `${of}: ${passing(result.output)}`);
  const causes = failures.map(({ cause }) => passing(cause));
  const known = [names.failing, names.missing, baseTests.failing, unmet, causes].map((list) =>
    list.toSorted(),
  );
  // A runner whose tests have no names says it in its output alone.
  const said = known.some((list) => list.length > 0) ? '' : passing(`${reason}\n${suite?.output ?? ''}`);
  const text = JSON.stringify([report.verdict, known, said]);
  return Digest.parse(`sha256:${createHash('sha256').update(text).digest('hex')}`);
}

const MOST_CAUSES = 3;

/** Asks a person what another attempt would most likely not find: what failed before failed again, and for the same cause. */
export async function askAboutSameFailure(
  factory: Ports,
  run: Run,
  { task, failure }: Extract<Todo, { do: 'ask-stuck' }>,
): Promise<StepResult> {
  const last = workOf(run, task)?.feedback.at(-1);
  if (last?.kind !== 'tests') throw terminal('step-without-input', 'no failing tests are on the run');
  const report = await getJson(factory.store.artifacts, TestReport, last.report);
  const causes = report.failures
    .slice(0, MOST_CAUSES)
    .map(({ cause, tests }) => `${tests.slice(0, 3).join(', ')}:\n${cause.slice(0, 1_500)}`);
  const of = task === null ? 'the change' : `task ${task}`;
  const question = [
    `The tests of ${of} failed again just as before; what was changed in between did not matter to them: ${report.reason}`,
    ...causes,
    'Say what should be different, or what is right as it is: the next attempt is told.',
  ].join('\n\n');
  const expiresAt = Math.min(factory.clock.now() + factory.settings.questionMs, run.expiresAt);
  return { type: 'task.stuck', data: { task, failure, question: question.slice(0, 20_000), expiresAt } };
}
