import { expect, it } from 'vitest';
import { courseOf } from './check.ts';

type Line = { stream: string; type: string; data: Record<string, unknown> };
const run = (type: string, data = {}): Line => ({ stream: 'run/r', type, data });
const opened = (role: string, attempt: string) => run('stage.opened', { role, attempt });
const closed = (attempt: string) => run('stage.closed', { attempt });
const attempt = (id: string, ...turns: number[]): Line[] => [
  ...turns.map((turn) => ({ stream: `attempt/${id}`, type: 'turn.recorded', data: { turn } })),
  { stream: `attempt/${id}`, type: 'attempt.closed', data: {} },
  closed(id),
];

const start = [run('run.opened'), opened('plan', 'a'), ...attempt('a', 1), run('plan.accepted')];
const both = [opened('implement', 'b'), opened('test', 'c')];
const implementer = [...attempt('b', 1, 2), run('task.changed', { attempt: 'b' }), run('change.composed')];
const tester = [...attempt('c', 1), run('checks.written')];
const end = [opened('test', 'd'), ...attempt('d'), run('change.tested'), run('run.closed')];
const course = (...entries: Line[]) =>
  courseOf({ trail: entries as Parameters<typeof courseOf>[0]['trail'] });
const clean = course(...start, ...both, ...implementer, ...tester, ...end);

it('is one course however the entries of the implementer and of the tester beside it mingle', () => {
  expect(course(...start, ...both, ...tester, ...implementer, ...end)).toEqual(clean);
  const mingled = implementer.flatMap((one, index) => [one, ...tester.slice(index, index + 1)]);
  expect(course(...start, ...both, ...mingled, ...end)).toEqual(clean);
  const other = [opened('test', 'x'), ...attempt('x', 1), run('checks.written')];
  expect(course(...start, opened('implement', 'b'), ...implementer, ...other, ...end)).toEqual(clean);
});

it('is another where an entry is lost, is there twice, or comes before one that it follows', () => {
  const whole = [...start, ...both, ...implementer, ...tester, ...end];
  whole.forEach((one, index) => {
    expect(course(...whole.toSpliced(index, 1))).not.toEqual(clean);
    expect(course(...whole.toSpliced(index, 0, one))).not.toEqual(clean);
  });
  expect(
    course(...start, ...both, ...implementer, ...end.slice(0, 1), ...tester, ...end.slice(1)),
  ).not.toEqual(clean);
  expect(
    course(...start.slice(0, -1), ...both, ...start.slice(-1), ...implementer, ...tester, ...end),
  ).not.toEqual(clean);
  const [first, second, ...rest] = implementer as [Line, Line, ...Line[]];
  expect(course(...start, ...both, second, first, ...rest, ...tester, ...end)).not.toEqual(clean);
});
