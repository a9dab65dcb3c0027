import {
  type AttemptSpec,
  doubtText,
  type Finding,
  isUnmet,
  type Plan,
  type PlanTask,
  type Said,
  type TestReport,
  type Ticket,
  uncounted,
  VERDICT_WORDS,
} from '@millwright/domain';
import { dataBlock, oneLine } from '../data-block.ts';
import { bounded, MAX_RESULT } from '../tools/bound.ts';
import type { Materials } from './role.ts';

// The parts that the roles' first messages are made of. Everything that others wrote stands in a data block.

/** The four lines that begin every first message. Recorded conversations are told apart by them, so they are part of the contract. */
export function facts(spec: AttemptSpec, task: string | null, attempt: number): string {
  return [
    `Title: ${oneLine(spec.ticket.title)}`,
    `Task: ${task ?? '-'}`,
    `Attempt: ${attempt}`,
    `Repository: ${spec.repo}`,
  ].join('\n');
}

/** What everybody would look for first, computed by the factory. */
export function factsBlock(
  spec: AttemptSpec,
  { facts: computed = [] }: Materials,
  more: string[] = [],
): string {
  const { build } = spec.config;
  const { turns, wallMs, usd } = spec.limits;
  const lines = [
    build === undefined ? '' : `build command: ${build}`,
    ...computed,
    ...more,
    `limits: ${turns} turns, ${Math.round(wallMs / 60_000)} min, $${usd}; ${MAX_RESULT} characters of an output`,
  ];
  return `Facts by the factory:\n${lines
    .filter((line) => line !== '')
    .map((line) => `- ${line}`)
    .join('\n')}`;
}

const list = (items: readonly string[]): string => items.map((one) => `- ${one}`).join('\n');
const joined = (parts: readonly string[]): string => parts.filter((part) => part.trim() !== '').join('\n\n');
const acceptanceOf = (acceptance: readonly string[]): string =>
  acceptance.length === 0 ? '' : `Acceptance:\n${list(acceptance)}`;

export function ticketBlock(ticket: Ticket): string {
  return dataBlock('ticket', joined([ticket.title, ticket.body, acceptanceOf(ticket.acceptance)]), {
    kind: ticket.kind,
  });
}

/** One form of a task everywhere: heading, what to do, and how it is told that it is done. */
const taskText = ({ title, instructions, places = [], acceptance }: PlanTask): string =>
  joined([
    title,
    instructions,
    places.length === 0 ? '' : `Its places in files that other tasks write in too:\n${list(places)}`,
    acceptanceOf(acceptance),
  ]);

export const taskBlock = (task: PlanTask): string => dataBlock('task', taskText(task), { id: task.id });

/** The plan in short: what else is being done. `whole`: with what each task is. */
export function planBlock(plan: Plan, whole: boolean): string {
  if (plan.kind === 'question') return '';
  const tasks = plan.tasks.map((task) =>
    whole ? `## ${task.id}: ${taskText(task)}` : `- ${task.id}: ${task.title}`,
  );
  return dataBlock('plan', [plan.summary, ...tasks].join(whole ? '\n\n' : '\n'));
}

/** What its planner ran, so that nobody runs it again. */
export const measuredBlock = (plan: Plan): string =>
  dataBlock('measured', plan.kind === 'tasks' ? (plan.measured ?? '') : '', {
    on: 'the base',
    by: 'planner',
  });

/** What its planner looked at and handed on, so that nobody looks for it again. */
export const excerptBlocks = ({ excerpts = [] }: Materials): string[] =>
  excerpts.map(({ path, from, to, text }) =>
    dataBlock('excerpt', text, { of: path, lines: `${from}-${to}`, by: 'planner' }),
  );

/** All that was promised, once each: what a check may hold a change against. */
export function acceptanceBlock(spec: { ticket: Ticket; plan: Plan }): string {
  const planned = spec.plan.kind === 'tasks' ? spec.plan.tasks.flatMap((task) => task.acceptance) : [];
  const own = new Set(spec.ticket.acceptance);
  return dataBlock('acceptance', list([...new Set(planned)].filter((one) => !own.has(one))));
}

/** The repository's own conventions: what holds anyway, and what there is to read where it fits. */
export const adviceBlocks = ({ advice, skills = [], elsewhere = [] }: Materials): string[] => [
  ...advice.map(({ path, text }) => dataBlock('advice', text, { path })),
  elsewhere.length === 0
    ? ''
    : dataBlock('advice', `Each for its folder; read the nearest before you work there:\n${list(elsewhere)}`),
  dataBlock('skills', list(skills.map(({ path, name, description }) => `${name} (${path}): ${description}`))),
];

export const diffBlock = (diff: string | undefined): string =>
  dataBlock('diff', bounded(diff ?? '', 200_000));

export const saidBlock = ({ summary, commitMessage }: Said): string =>
  dataBlock('change', `${summary}\n\nCommit message, as it will land:\n${commitMessage}`);

export const findingsText = (findings: readonly Finding[]): string =>
  list(
    findings.map(
      (one) => `[${one.severity}] ${one.path}${one.line === undefined ? '' : `:${one.line}`}: ${one.message}`,
    ),
  );

/** What the tests said of a change that is reviewed, and each acceptance check with its command: the checks are reviewed too. */
export function testedBlock(report: TestReport): string {
  const own = report.ownTests;
  const lines = [
    report.reason,
    own === null || own.passing.length === 0
      ? ''
      : `Tests of the change that pass on the old code too:\n${list(own.passing.slice(0, MAX_NAMES))}`,
    own === null || own.failing.length === 0
      ? ''
      : report.followed === 'by_exit_code'
        ? 'With the tests of the change, the test command fails on the old code.'
        : `Tests of the change that fail on the old code: ${own.failing.length}`,
    ...report.acceptance.map((check) => {
      const why = uncounted(check);
      const end = why !== null ? `does not count (${why})` : isUnmet(check) ? 'fails' : 'holds';
      return `Acceptance check (${check.kind}), ${end}: ${check.acceptance}\n$ ${check.result.command}`;
    }),
    ...report.doubts.map((doubt) => `Look at: the change ${doubtText(doubt)}`),
  ];
  return dataBlock('tests', joined(lines), { verdict: VERDICT_WORDS[report.verdict] });
}

const MAX_NAMES = 30;

/** What failed, by cause; what passed is left out. `whole`: with the end of the output. */
export function reportText(report: TestReport, whole: boolean): string {
  const names = (what: string, of: readonly string[]) =>
    of.length === 0
      ? ''
      : `${what}:\n${list(of.slice(0, MAX_NAMES))}${of.length > MAX_NAMES ? `\n… and ${of.length - MAX_NAMES} more` : ''}`;
  const checks = report.acceptance
    .filter(isUnmet)
    .map(
      (one) =>
        `Acceptance check failed: ${one.acceptance}\n$ ${one.result.command}\n${bounded(one.result.output, whole ? 3_000 : 300)}`,
    );
  const causes = report.failures
    .slice(0, whole ? 10 : 2)
    .map(
      ({ cause, tests, count }) =>
        `${count} failing with:\n${bounded(cause, whole ? 2_000 : 300)}\n${list(tests.slice(0, 5))}`,
    );
  const grouped = causes.length > 0;
  const output =
    report.suite === null || grouped || !whole
      ? ''
      : `$ ${report.suite.command}\n${bounded(report.suite.output, 8_000)}`;
  return joined([
    report.reason,
    grouped ? '' : names('Failing', report.names.failing),
    names('Known tests that no longer report', report.names.missing),
    names('Failing on the base too, not yours to mend', report.names.failingOnBase),
    ...checks,
    ...causes,
    output,
  ]);
}
