import { expect, test } from 'vitest';
import { BUILT_IN, catalogWith, factsOfModel, unknownModel } from './catalog.ts';
import { effortFor, effortOf } from './choice.ts';
import { costOf } from './prices.ts';

test('a file of the data folder beats what is built in, and adds to it', () => {
  const file = JSON.stringify({
    'claude-opus-5-5': { input: 1, output: 2, cacheRead: 0.1, context: 500_000, maxOutput: 32_000 },
    'my-gateway/llama': {
      input: 0,
      output: 0,
      cacheRead: 0,
      context: 100_000,
      maxOutput: 8_000,
      thinking: 'none',
      efforts: [],
    },
  });
  const made = catalogWith(file, 'models.json');
  if (made.kind === 'bad') throw new Error(made.problem);
  const tokens = { inputTokens: 1_000_000, outputTokens: 1_000_000, cacheReadTokens: 0, cacheWriteTokens: 0 };
  expect(costOf('claude-opus-5-5', tokens, made.catalog)).toBe(3);
  expect(costOf('my-gateway/llama', tokens, made.catalog)).toBe(0);
  expect(factsOfModel('claude-sonnet-5-5', made.catalog)).toEqual(BUILT_IN['claude-sonnet-5-5']);
});

test.each([
  ['{', /models\.json is not JSON/],
  ['{"x": {"input": "much"}}', /models\.json: [\s\S]*input/],
  ['{"x": {"input": 1, "output": 1, "cacheRead": 0, "context": 1, "maxOutput": 1, "colour": 1}}', /colour/],
])('a file that is wrong (%s) is named, with what is wrong', (text, problem) => {
  expect(catalogWith(text, 'models.json')).toMatchObject({
    kind: 'bad',
    problem: expect.stringMatching(problem),
  });
});

test.each([
  ['claude-opus-5.5', 'claude-opus-5-5'],
  ['claude-sonet-5-5', 'claude-sonnet-5-5'],
  ['Claude-Haiku-5-5', 'claude-haiku-5-5'],
  ['anthropic.claude-opus-5.5', 'claude-opus-5-5'],
  ['gpt-9', null],
])('%s: the nearest known name is %s', (name, near) => {
  const said = unknownModel(name);
  expect(said).toContain(`Add ${name} to the models`);
  expect(/Did you mean (\S+)\?/.exec(said)?.[1] ?? null).toBe(near);
});

test('effort: by role, set by the environment, lowered to what the model takes', () => {
  expect(effortOf('deploy', {})).toEqual({ kind: 'effort', effort: 'low' });
  expect(effortOf('deploy', { MILLWRIGHT_EFFORT_DEPLOY: 'max' })).toEqual({ kind: 'effort', effort: 'max' });
  expect(effortOf('plan', { MILLWRIGHT_EFFORT_PLAN: 'hard' })).toMatchObject({
    kind: 'bad',
    problem: expect.stringContaining('low, medium, high, xhigh, max'),
  });
  const opus = factsOfModel('claude-opus-5-5');
  if (opus === null) throw new Error('no such model');
  expect(effortFor({ ...opus, efforts: ['low', 'high', 'max'] }, 'xhigh')).toBe('high');
});

test.each([
  'anthropic.claude-opus-4-8',
  'claude-opus-4-8@20260401',
  'eu.anthropic.claude-opus-4-8-v1:0',
  'us.anthropic.claude-opus-4-8-20260401-v1:0',
])('%s is known by the name that it has at home', (name) => {
  expect(factsOfModel(name)).toEqual(BUILT_IN['claude-opus-4-8']);
});
