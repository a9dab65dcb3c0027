import { expect, test } from 'vitest';
import { contextOf } from '../context.ts';
import { deployFacts, mergeFacts, startFacts } from '../testing/facts.ts';
import { checkLayer } from './check.ts';
import { factsOf } from './fact-paths.ts';
import { ORDINARY } from './ordinary.ts';

const forbid = (id: string, rest: string) => `@id("${id}")\nforbid (${rest}`;
const MERGE = 'principal, action == Action::"merge", resource)';
const found = (text: string) =>
  checkLayer(text, 'repository').findings.map(
    ({ level, line, column, policy, text: said }) => `${level} ${line}:${column} ${policy}: ${said}`,
  );

test('an ordinary day is one that gates can judge', () => {
  const names = (facts: Parameters<typeof contextOf>[0]) =>
    factsOf(contextOf(facts, 0)).map(([path]) => path);
  for (const facts of [startFacts(), mergeFacts(), deployFacts()])
    expect(factsOf(ORDINARY[facts.action]).map(([path]) => path)).toEqual(names(facts));
  expect(ORDINARY.merge).toEqual(contextOf(mergeFacts(), 0));
  expect(ORDINARY.deploy).toEqual(contextOf(deployFacts(), 0));
});

test.each<[string, string, RegExp]>([
  [
    'what does not parse',
    `${forbid('a', `${MERGE};`)}\n\n// Grüße\nforbid (principal, action resource);`,
    /^error 5:27 null: /,
  ],
  [
    'a fact that there is not, behind ten others',
    `${Array.from({ length: 11 }, (_, n) => forbid(`a${n}`, `${MERGE} when { context.approvals < 1 };`)).join('\n')}
// ☃
@id("moon") forbid (${MERGE} when { context.moon };`,
    /^error 24:\d+ repository\/moon: .*moon/,
  ],
  [
    'a fact of another type',
    forbid('a', `${MERGE} when { context.step == "6" };`),
    /^error 2:\d+ repository\/a: /,
  ],
  [
    'a permit',
    '\n  @id("mine") permit (principal, action, resource);',
    /^error 2:3 repository\/mine: .*never permit/,
  ],
  ['no name', `// one\n${forbid('', `${MERGE};`)}`, /^error 2:1 null: .*@id/],
  [
    'a name twice',
    `${forbid('a', `${MERGE};`)}\n${forbid('a', `${MERGE};`)}`,
    /^error 3:1 repository\/a: .*twice/,
  ],
  ['a template', 'forbid (principal == ?principal, action, resource);', /^error 1:22 null: templates/],
])('%s is an error, with its line and column', (_, text, said) => {
  expect(found(text)[0]).toMatch(said);
});

test.each<[string, string]>([
  ['a step that there is not', 'when { context.step > 7 }'],
  ['a word that the fact never is', 'when { context.change.risk == "hihg" }'],
  ['what contradicts itself', 'when { context.change.files > 10 && context.change.files < 10 }'],
  [
    'over two clauses',
    'when { context.baseRewritten } unless { context.baseRewritten || context.approvals >= 0 }',
  ],
  ['a negative count', 'when { context.change.secrets < 0 }'],
  [
    'a set that has and has not',
    'when { context.change.reasons.contains("size") && context.change.reasons.isEmpty() }',
  ],
])('%s never matches', (_, when) => {
  expect(found(forbid('a', `${MERGE} ${when};`))).toEqual([
    expect.stringContaining('warning 1:1 repository/a: never matches'),
  ]);
});

test.each<[string, string, RegExp[]]>([
  ['no condition', `${MERGE}`, [/forbids always: nothing is merged any more/]],
  [
    'one that always holds, in two of three actions',
    'principal, action in [Action::"merge", Action::"deploy"], resource) when { ["trivial", "low", "raised"].contains(context.change.risk) }',
    [/nothing is merged or deployed any more/],
  ],
  [
    'what is forbidden already',
    `${MERGE} when { context.change.secrets > 3 }`,
    [/adds nothing: whatever it forbids, secrets forbids too/],
  ],
  ['what is forbidden in part', `${MERGE} when { context.change.secrets > 3 || context.step < 2 }`, []],
  [
    'another repository alone',
    'principal, action, resource == Repository::"till") when { context.step < 2 }',
    [],
  ],
  ['what people lift', `${MERGE} when { context.approvals < 2 }`, []],
])('%s', (_, rest, said) => {
  const warnings = found(forbid('a', `${rest};`));
  expect(warnings).toHaveLength(said.length);
  for (const [at, one] of said.entries()) expect(warnings[at]).toMatch(one);
});

test('of what compares facts with each other nothing is claimed', () => {
  const text = forbid(
    'a',
    `${MERGE} when { context.change.files > context.change.lines && context.step > 7 };`,
  );
  expect(checkLayer(text, 'unit')).toMatchObject({ policies: 1, findings: [], untold: ['unit/a'] });
});
