import type { AttemptSpec, Finding, Plan, PlanTask, TestReport, Ticket } from '@millwright/domain';
import type { Advice } from '../advice.ts';
import { dataBlock, oneLine } from '../data-block.ts';
import { bounded } from '../tools/bound.ts';

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

export function ticketBlock(ticket: Ticket): string {
  const acceptance = ticket.acceptance.map((one) => `- ${one}`).join('\n');
  const parts = [ticket.title, ticket.body, acceptance === '' ? '' : `Acceptance:\n${acceptance}`];
  return dataBlock('ticket', parts.filter((part) => part.trim() !== '').join('\n\n'), { kind: ticket.kind });
}

export function taskBlock(task: PlanTask): string {
  const acceptance = task.acceptance.map((one) => `- ${one}`).join('\n');
  const text = [task.title, task.instructions, acceptance === '' ? '' : `Acceptance:\n${acceptance}`];
  return dataBlock('task', text.filter((part) => part !== '').join('\n\n'), { id: task.id });
}

/** The plan in short: what else is being done, and what a change is measured against. */
export function planBlock(plan: Plan, whole: boolean): string {
  if (plan.kind === 'question') return '';
  const tasks = plan.tasks.map((task) =>
    whole
      ? [`## ${task.id}: ${task.title}`, task.instructions, ...task.acceptance.map((one) => `- ${one}`)].join(
          '\n',
        )
      : `- ${task.id}: ${task.title}`,
  );
  return dataBlock('plan', [plan.summary, ...tasks].join(whole ? '\n\n' : '\n'));
}

export const adviceBlocks = (advice: readonly Advice[]): string[] =>
  advice.map(({ path, text }) => dataBlock('advice', text, { path }));

export const commands = (spec: AttemptSpec): string => {
  const { test, build } = spec.config;
  return [
    test === undefined ? '' : `Test command: ${test}`,
    build === undefined ? '' : `Build command: ${build}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
};

export const diffBlock = (diff: string | undefined): string =>
  dataBlock('diff', bounded(diff ?? '', 200_000));

export const findingsText = (findings: readonly Finding[]): string =>
  findings
    .map(
      (one) =>
        `- [${one.severity}] ${one.path}${one.line === undefined ? '' : `:${one.line}`}: ${one.message}`,
    )
    .join('\n');

export function reportText(report: TestReport): string {
  const list = (name: string, names: readonly string[]) =>
    names.length === 0
      ? ''
      : `${name}:\n${names
          .slice(0, 50)
          .map((one) => `- ${one}`)
          .join('\n')}`;
  const failed = report.acceptance.filter((one) => one.result.exitCode !== 0);
  const checks = failed.map(
    (one) =>
      `Acceptance check failed: ${one.acceptance}\n$ ${one.result.command}\n${bounded(one.result.output, 4_000)}`,
  );
  const output =
    report.suite === null ? '' : `$ ${report.suite.command}\n${bounded(report.suite.output, 8_000)}`;
  return [
    report.reason,
    list('Failing', report.names.failing),
    list('Known tests that no longer report', report.names.missing),
    ...checks,
    output,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}
