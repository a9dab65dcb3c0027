import { stripVTControlCharacters, styleText } from 'node:util';
import type { RepoView, RunView } from '@millwright/api';

type Style = Parameters<typeof styleText>[0];

/** Colours only where stdout is a terminal that wants them (NO_COLOR is honoured by styleText). */
export const paint = (style: Style, text: string): string =>
  styleText(style, text, { stream: process.stdout });

export type Row = {
  title: string;
  shows: string;
  expected: string;
  run: RunView | null;
  approvals: readonly string[];
  asExpected: boolean;
  before: string;
  after: string;
  label: string;
};

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const words = (state: string) => state.replaceAll('_', ' ');

function aligned(rows: readonly (readonly string[])[]): string[] {
  const width = (text: string) => stripVTControlCharacters(text).length;
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => width(row[at] ?? ''))));
  return rows.map((row) =>
    `  ${row.map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - width(cell))).join('  ')}`.trimEnd(),
  );
}

/** How a run went, in the words of its own record. */
function wayOf(run: RunView, approvals: readonly string[]): string {
  const tasks = new Set(
    run.stages.flatMap((stage) => (stage.kind === 'implement' && stage.task !== null ? [stage.task] : [])),
  );
  const reworks = run.stages.filter((stage) => stage.kind === 'implement').length - Math.max(1, tasks.size);
  const parts = [
    `${tasks.size} task${tasks.size === 1 ? '' : 's'}`,
    ...(reworks > 0 ? [`${reworks} rework${reworks === 1 ? '' : 's'}`] : []),
    ...(approvals.length > 0 ? [`${approvals.length} approvals`] : []),
    run.state === 'rolled_back'
      ? 'released, taken back, merge reverted'
      : run.release === null
        ? 'not released'
        : 'released',
  ];
  return parts.join(', ');
}

export function happened(rows: readonly Row[]): string[] {
  const lines = rows.map((row) => {
    const end = row.run?.state ?? 'never started';
    const colour: Style = row.asExpected ? (end === 'done' ? 'green' : 'magenta') : 'red';
    return [
      row.asExpected ? paint('green', '✔') : paint('red', '✖'),
      row.title.length > 44 ? `${row.title.slice(0, 43)}…` : row.title,
      paint(colour, words(end)),
      row.run === null ? '' : seconds((row.run.endedAt ?? Date.now()) - row.run.startedAt),
      row.run === null ? '' : `$${row.run.usage.usd.toFixed(4)}`,
      row.run === null
        ? `expected: ${row.expected}`
        : row.asExpected
          ? wayOf(row.run, row.approvals)
          : `expected ${row.expected}; ${row.run.reason ?? ''}`,
    ];
  });
  return [paint('bold', 'What happened'), ...aligned(lines)];
}

export function answers(rows: readonly Row[]): string[] {
  const head = ['', 'before the ticket', 'after it'].map((text) => paint('dim', text));
  return [
    paint('bold', "The service's answers"),
    ...aligned([head, ...rows.map((row) => [row.label, row.before, row.after])]),
  ];
}

/** What the rollback cost: nothing of that kind ships by itself until its releases have earned it back. */
export const fell = ({ name, step, demoted }: RepoView): string[] =>
  demoted.map(
    (one) =>
      `  ${paint('magenta', '↓')} ${one.kind} changes of ${name} are at autonomy step ${one.step} now, not ${step}, since ${one.release} was rolled back: people allow the next ones`,
  );
