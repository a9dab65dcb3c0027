import { Role } from '@millwright/domain';
import { expect, test } from 'vitest';
import { modelsOf } from './choice.ts';
import { costOf, priceOf, worstCase } from './prices.ts';

const million = {
  inputTokens: 1_000_000,
  outputTokens: 1_000_000,
  cacheReadTokens: 1_000_000,
  cacheWriteTokens: 1_000_000,
};

test('a known model costs its four prices', () => {
  expect(costOf('claude-opus-5-5', million)).toBeCloseTo(4 + 20 + 0.2 + 5, 9);
  expect(costOf('claude-haiku-4-5-20251001', million)).toBeCloseTo(1 + 5 + 0.1 + 1.25, 9);
});

test('a long prompt of Haiku 5.5 costs its long-prompt price, output included', () => {
  const of = (inputTokens: number) =>
    costOf('claude-haiku-5-5', { inputTokens, outputTokens: 1_000, cacheReadTokens: 0, cacheWriteTokens: 0 });
  expect(of(100_000)).toBeCloseTo(0.1 * 0.1 + 0.0005, 9);
  expect(of(100_001)).toBeCloseTo((100_001 * 0.5 + 1_000 * 2.5) / 1_000_000, 9);
});

test.each(['gpt-9', 'constructor', '__proto__', 'claude-opus-99'])('%s has no price', (model) => {
  expect(priceOf(model)).toBeNull();
});

test('the worst case is never under what the same request can cost', () => {
  const text = '\u0001\ue000'.repeat(4_000); // bytes that nothing merges: a token each
  const worst = worstCase('claude-opus-5-5', Buffer.byteLength(text), 1_000);
  expect(worst).toBeGreaterThan(
    costOf('claude-opus-5-5', {
      inputTokens: 0,
      cacheWriteTokens: Buffer.byteLength(text) + 1_291,
      cacheReadTokens: 0,
      outputTokens: 1_000,
    }),
  );
});

test('a change is reviewed by another model than wrote it, where nothing is set', () => {
  expect(modelsOf('review', {})[0]).not.toBe(modelsOf('implement', {})[0]);
});

test.each(Role.options)('the default models of %s have a price; the environment overrides it', (role) => {
  for (const model of modelsOf(role, {})) expect(priceOf(model)).not.toBeNull();
  expect(modelsOf(role, { [`MILLWRIGHT_MODEL_${role.toUpperCase()}`]: 'recorded/x, claude-opus-5' })).toEqual(
    ['recorded/x', 'claude-opus-5'],
  );
});
