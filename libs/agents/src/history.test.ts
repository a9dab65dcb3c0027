import type { TurnRecord } from '@millwright/domain';
import { noUsage } from '@millwright/domain';
import { expect, test } from 'vitest';
import { historyOf } from './history.ts';
import { implementRole } from './roles/implement.ts';
import { specOf } from './testing/specs.ts';

type Call = { name: string; input?: unknown; ok: boolean; content?: string };

const turn = (n: number, ...calls: Call[]): TurnRecord => ({
  turn: n,
  model: 'recorded/implement',
  assistant: calls.map((call, index) => ({
    type: 'tool_use',
    id: `t${n}_${index}`,
    name: call.name,
    input: call.input ?? {},
  })),
  results: calls.map((call, index) => ({
    type: 'tool_result',
    tool_use_id: `t${n}_${index}`,
    content: call.content ?? 'x',
    ...(call.ok ? {} : { is_error: true }),
  })),
  stopReason: null,
  usage: noUsage(),
  action: '',
});
const history = (...turns: TurnRecord[]) => historyOf(turns, implementRole, specOf('implement'));
const submission = { summary: 'Done.', commitMessage: 'Do it' };

test('refused submits count on, own and foreign ones; turns without a call count until there is one', () => {
  const own = { name: 'submit_change', ok: false };
  const foreign = { name: 'submit_plan', ok: false };
  expect(history(turn(1, own), turn(2, foreign), turn(3, { name: 'bash', ok: true }))).toMatchObject({
    strikes: 2,
    nudges: 0,
    submission: null,
  });
  expect(history(turn(1, { name: 'bash', ok: true }), turn(2), turn(3))).toMatchObject({
    strikes: 0,
    nudges: 2,
  });
});

test('an accepted submit is the end; a refused one is not, however good it looks', () => {
  expect(history(turn(1, { name: 'submit_change', input: submission, ok: true })).submission).toEqual(
    submission,
  );
  expect(history(turn(1, { name: 'submit_change', input: submission, ok: false })).submission).toBeNull();
  expect(history(turn(1, { name: 'bash', input: submission, ok: true })).submission).toBeNull();
});

test('what was seen before is not new after a restart', () => {
  const same = { name: 'bash', input: { command: 'ls' }, ok: true };
  expect(
    history(turn(1, same), turn(2, same), turn(3, { ...same, content: 'y' })).seen.map((one) => one.novel),
  ).toEqual([true, false, true]);
});
