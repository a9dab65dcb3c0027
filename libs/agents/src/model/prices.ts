import type { Usage } from '@millwright/domain';

// What models cost, in US dollars a million tokens. A model that is not here is refused: no budget can hold a call of unknown price.
// Source: https://platform.claude.com/docs/en/about-claude/pricing ("Model pricing", 5-minute cache writes), read in November 2026;
// Fable 5.2 as published in November 2026. `recorded/…` has a nominal price, a tenth of Sonnet 5.5, so that costs show in a demo.

export type Price = { input: number; output: number; cacheRead: number; cacheWrite: number };

const price = (input: number, output: number, cacheRead: number): Price => ({
  input,
  output,
  cacheRead,
  cacheWrite: input * 1.25,
});

const PRICES: Readonly<Record<string, Price>> = {
  'claude-fable-5-2': price(8, 40, 0.2),
  'claude-fable-5-1': price(10, 50, 0.25),
  'claude-fable-5': price(10, 50, 1),
  'claude-opus-5-5': price(4, 20, 0.2),
  'claude-opus-5': price(5, 25, 0.5),
  'claude-opus-4-8': price(5, 25, 0.5),
  'claude-opus-4-7': price(5, 25, 0.5),
  'claude-opus-4-6': price(5, 25, 0.5),
  'claude-opus-4-5': price(5, 25, 0.5),
  'claude-sonnet-5-5': price(2, 10, 0.1),
  'claude-sonnet-5': price(2, 10, 0.2),
  'claude-sonnet-4-6': price(3, 15, 0.3),
  'claude-sonnet-4-5': price(3, 15, 0.3),
  'claude-haiku-5-5': price(0.1, 0.5, 0.01),
  'claude-haiku-4-5': price(1, 5, 0.1),
};

/** Haiku 5.5 costs five times as much, output included, when the whole prompt is over 100,000 tokens. */
const LONG_PROMPTS: Readonly<Record<string, { over: number; price: Price }>> = {
  'claude-haiku-5-5': { over: 100_000, price: price(0.5, 2.5, 0.05) },
};

const RECORDED = price(0.2, 1, 0.01);

/** The price of a model, by its name or by its name with a date; null when unknown. `promptTokens` counts cached ones too. */
export function priceOf(model: string, promptTokens = 0): Price | null {
  if (model.startsWith('recorded/')) return RECORDED;
  const name = model.replace(/-\d{8}$/, '');
  if (!Object.hasOwn(PRICES, name)) return null;
  const long = LONG_PROMPTS[name];
  if (long !== undefined && promptTokens > long.over) return long.price;
  return PRICES[name] ?? null;
}

export type Tokens = Omit<Usage, 'usd'>;

/** US dollars of real usage. */
export function costOf(model: string, tokens: Tokens): number {
  const prompt = tokens.inputTokens + tokens.cacheReadTokens + tokens.cacheWriteTokens;
  const each = priceOf(model, prompt);
  if (each === null) throw new Error(`no price for model ${model}`);
  return (
    (tokens.inputTokens * each.input +
      tokens.outputTokens * each.output +
      tokens.cacheReadTokens * each.cacheRead +
      tokens.cacheWriteTokens * each.cacheWrite) /
    1_000_000
  );
}

/**
 * The most that a call can cost: all of its input written to the cache, all of `maxTokens` put out. Two bytes a token is a bound for
 * text and code (English is near four, dense code near three), not for adversarial bytes; settling replaces it by what was used.
 */
export function worstCase(model: string, requestBytes: number, maxTokens: number): number {
  const inputTokens = Math.ceil(requestBytes / 2);
  return costOf(model, {
    inputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: inputTokens,
    outputTokens: maxTokens,
  });
}
