import { Entry, type GitSha } from '@millwright/domain';
import { expect, it } from 'vitest';
import type { Case } from './cases.ts';
import { heldAgainst } from './run-case.ts';
import { type SentBack, sentBackOf } from './sent-back.ts';

const sha = (letter: string) => letter.repeat(40) as GitSha;
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const entry = (type: string, data: object): Entry => Entry.parse({ type, data });

const plan = (...ids: string[]) => {
  const tasks = ids.map((id) => ({ id, title: id, dependsOn: [] }));
  return entry('plan.accepted', { plan: digest('1'), tasks });
};
const changed = (task: string | null, tree: string, commit: string) =>
  entry('task.changed', {
    ...{ task, attempt: 'att_00000001', change: digest('2'), patchId: sha('3') },
    ...{ from: sha('0'), tree: sha(tree), commit: sha(commit) },
  });
const composed = (tree: string, commit: string) =>
  entry('change.composed', {
    ...{ subject: digest('4'), base: sha('0'), patchId: sha('3') },
    ...{ tree: sha(tree), commit: sha(commit) },
  });
const reviewed = (task: string | null, verdict: string) =>
  entry('task.reviewed', { task, review: digest('5'), patchId: sha('3'), verdict });
const tested = (task: string | null, tree: string, verdict: string) =>
  entry('change.tested', { task, tree: sha(tree), report: digest('6'), verdict, failure: null });
const disputed = (by: string, change: boolean) =>
  entry('checks.disputed', { checks: digest('7'), by, said: digest('8'), patchId: sha('3'), change });

it('tells what tests and reviews sent back, each tree once, and passes over what went on', () => {
  expect(
    sentBackOf([
      plan('a'),
      ...[changed('a', 'a', '1'), tested('a', 'a', 'failed')],
      ...[changed('a', 'b', '2'), tested('a', 'b', 'passed'), reviewed('a', 'request_changes')],
      ...[changed('a', 'c', '3'), tested('a', 'c', 'failing_as_on_base'), reviewed('a', 'approve')],
      ...[composed('c', '4'), disputed('review', false), tested(null, 'c', 'invalid')],
      ...[disputed('implement', false), tested(null, 'c', 'failed')],
      ...[changed(null, 'd', '5'), composed('d', '6'), disputed('review', true)],
      ...[changed(null, 'e', '7'), composed('e', '8'), reviewed(null, 'request_changes')],
      tested(null, 'f', 'failed'),
    ]),
  ).toEqual([
    { tree: sha('a'), commit: sha('1'), part: false },
    { tree: sha('b'), commit: sha('2'), part: false },
    { tree: sha('c'), commit: sha('4'), part: false },
    { tree: sha('d'), commit: sha('6'), part: false },
    { tree: sha('e'), commit: sha('8'), part: false },
    { tree: sha('f'), commit: null, part: false },
  ]);
});

it('knows a task of several, by the plan or after a split, for a part', () => {
  const [first, second] = [changed('a', 'a', '1'), tested('a', 'a', 'failed')];
  expect(sentBackOf([plan('a', 'b'), first, second])).toMatchObject([{ part: true }]);
  const tasks = ['a', 'b'].map((id) => ({ id, title: id, dependsOn: [] }));
  const split = entry('plan.revised', { plan: digest('1'), task: 'x', tasks });
  expect(sentBackOf([plan('x'), split, first, second])).toMatchObject([{ part: true }]);
  const whole = [composed('b', '2'), reviewed(null, 'request_changes')];
  expect(sentBackOf([plan('a', 'b'), first, ...whole])).toMatchObject([{ part: false }]);
});

const change = (tree: string, more: Partial<SentBack> = {}): SentBack => ({
  ...{ tree: sha(tree), commit: sha(tree), part: false },
  ...more,
});
const given = (expected: Case['expect']): Case => ({
  ...{ name: 'one', folder: '', ticket: '', test: 'true', expect: expected },
});
/** Hidden tests pass on `a` alone, and cannot be run on `e`. */
const passes = async (commit: string): Promise<boolean> => {
  if (commit === sha('e')) throw new Error('no such commit');
  return commit === sha('a');
};

it('takes a change for rightly sent back where the hidden tests fail, for wrongly where they pass, and drops none', async () => {
  const said: string[] = [];
  const changes = [
    ...[change('a'), change('a', { part: true }), change('b')],
    ...[change('b', { part: true }), change('c', { commit: null }), change('e')],
  ];
  expect(await heldAgainst(given('merge'), changes, passes, (text) => said.push(text))).toEqual({
    ...{ rightly: 1, wrongly: 2, unknown: 3 },
  });
  expect(said).toEqual([
    expect.stringMatching(/^whether b{12} .*: it is a part of the change/),
    expect.stringMatching(/^whether c{12} .*: the trail names no commit of it/),
    expect.stringMatching(/^whether e{12} .*: no such commit/),
  ]);
});

it('takes every change for rightly sent back where nothing should merge', async () => {
  expect(await heldAgainst(given('refuse'), [change('a'), change('e')], passes, () => undefined)).toEqual({
    ...{ rightly: 2, wrongly: 0, unknown: 0 },
  });
});
