import fc from 'fast-check';
import { expect, test } from 'vitest';
import { approvalsOf, type Context, contextOf } from '../context.ts';
import { type Question, weigh } from '../evaluate.ts';
import { loadPolicy } from '../load.ts';
import { facts } from '../testing/any-facts.ts';
import { BOB, deployFacts, mergeFacts, startFacts } from '../testing/facts.ts';
import { type Change, explain, explainQuestion } from './explain.ts';
import { withFact } from './fact-paths.ts';
import { actionsOf, regionsOf } from './regions.ts';

const loaded = loadPolicy();
if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
const { policy, statements } = loaded;

const told = (sets: readonly (readonly Change[])[]) =>
  sets.map((set) => set.map(({ fact, would }) => `${fact}=${JSON.stringify(would)}`).join(' '));

test.each([
  ['tests failed', mergeFacts({ test: { tree: 'a'.repeat(40), verdict: 'failed', namesKnown: true } })],
])('what is denied names the facts of its policy, and the nearest others: %s', (_, judged) => {
  const why = explain(loaded, judged);
  expect(why.policies.map(({ id }) => id)).toEqual(['tests']);
  expect(why.facts).toEqual([
    { fact: 'testOfThisTree', value: true },
    { fact: 'testVerdict', value: 'failed' },
  ]);
  expect(told(why.smallest)).toEqual(['testVerdict="passed"']);
  expect(why.complete).toBe(true);
});

test('what waits says what would have let it go by itself, and never that somebody had allowed it', () => {
  expect(told(explain(loaded, mergeFacts({ step: 5 })).smallest)).toEqual([
    'change.risk="trivial"',
    'step=6',
  ]);
  const raised = deployFacts({ step: 5, change: { risk: 'raised' } });
  expect(told(explain(loaded, raised).smallest)).toEqual(['step=7']);
});

test('what was allowed says what alone would have stopped it, somebody’s yes among it', () => {
  const why = explain(loaded, mergeFacts({ step: 5, approvals: [BOB] }));
  expect(told(why.smallest)).toEqual(
    expect.arrayContaining(['approvals=0', 'halted=true', 'testVerdict="failed"', 'reviewOfThisPatch=false']),
  );
});

test('a forbid over two facts that a layer adds is got round by either of them', () => {
  const layered = loadPolicy({
    unit: '@id("late") forbid (principal, action == Action::"start", resource) when { context.step >= 5 && context.ticket.kind == "feature" };',
  });
  if (layered.kind === 'refused') throw new Error(layered.problems.join('\n'));
  const why = explain(layered, startFacts());
  expect(why.policies.map(({ id }) => id)).toEqual(['unit/late']);
  expect(told(why.smallest)).toEqual(expect.arrayContaining(['step=4', 'ticket.kind="bug"']));
});

test('of what compares facts with each other it does not claim to be complete', () => {
  const layered = loadPolicy({
    unit: '@id("odd") forbid (principal, action == Action::"merge", resource) when { context.change.lines > context.change.files };',
  });
  if (layered.kind === 'refused') throw new Error(layered.problems.join('\n'));
  expect(explain(layered, mergeFacts()).complete).toBe(false);
});

const flipped = (question: Question, set: readonly Change[], from: string): boolean => {
  const context = set.reduce<Context>((at, { fact, would }) => withFact(at, fact, would), question.context);
  const { decision } = weigh(policy, { ...question, context });
  return from === 'deny'
    ? decision !== 'deny'
    : from === 'allow'
      ? decision !== 'allow'
      : decision === 'allow';
};
const subsets = <T>([first, ...rest]: readonly T[]): T[][] =>
  first === undefined ? [[]] : subsets(rest).flatMap((set) => [set, [first, ...set]]);

test('every set that is told changes the decision, none of its parts does, and no single fact does where it tells two', () => {
  let several = 0;
  fc.assert(
    fc.property(facts, (judged) => {
      const question: Question = {
        ...{ action: judged.action, repo: judged.repo, context: contextOf(judged, approvalsOf(judged)) },
      };
      const { decision } = weigh(policy, question);
      const { smallest, complete } = explainQuestion(loaded, question);
      const [size = 0] = smallest.map((set) => set.length);
      if (size > 1) several += 1;
      for (const set of smallest) {
        expect(set).toHaveLength(size);
        for (const part of subsets(set))
          expect(flipped(question, part, decision), JSON.stringify(part)).toBe(part.length === set.length);
      }
      if (!complete || size < 2) return;
      const of = statements.filter(({ json }) => actionsOf(json).includes(judged.action));
      for (const [fact, values] of regionsOf(of, question.context).values)
        for (const would of fact === 'approvals' ? [] : values)
          expect(flipped(question, [{ fact, is: would, would }], decision), `${fact} ${would}`).toBe(false);
    }),
    { numRuns: 60 },
  );
  expect(several).toBeGreaterThan(5);
});
