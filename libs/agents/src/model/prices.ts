import type { Usage } from '@millwright/domain';
import { BUILT_IN, type Catalog, factsOfModel, unknownModel } from './catalog.ts';

/** US dollars a million tokens. */
export type Price = { input: number; output: number; cacheRead: number; cacheWrite: number };

/** The price of a model; null when unknown. `promptTokens` counts cached ones too. */
export function priceOf(model: string, promptTokens = 0, catalog: Catalog = BUILT_IN): Price | null {
  const facts = factsOfModel(model, catalog);
  if (facts === null) return null;
  const { input, output, cacheRead, cacheWrite } =
    facts.long !== undefined && promptTokens > facts.long.over ? facts.long : facts;
  return { input, output, cacheRead, cacheWrite: cacheWrite ?? input * 1.25 };
}

export type Tokens = Omit<Usage, 'usd'>;

/** US dollars of real usage. */
export function costOf(model: string, tokens: Tokens, catalog: Catalog = BUILT_IN): number {
  const prompt = tokens.inputTokens + tokens.cacheReadTokens + tokens.cacheWriteTokens;
  const each = priceOf(model, prompt, catalog);
  if (each === null) throw new Error(unknownModel(model, catalog));
  return (
    (tokens.inputTokens * each.input +
      tokens.outputTokens * each.output +
      tokens.cacheReadTokens * each.cacheRead +
      tokens.cacheWriteTokens * each.cacheWrite) /
    1_000_000
  );
}

/**
 * What the API adds to a request on its own: the prompts of tool use and of the bash and text-editor tools (346, 245 and 700 tokens),
 * and what separates messages. Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview ("Pricing")
 */
const ADDED_TOKENS = 2_000;

/**
 * The most that a call can cost: all of its input written to the cache, a token for each byte (tokens are made of bytes, so there are never
 * more), and all of `maxTokens` put out. Settling replaces it by what was used.
 */
export function worstCase(
  model: string,
  requestBytes: number,
  maxTokens: number,
  catalog: Catalog = BUILT_IN,
): number {
  const cacheWriteTokens = requestBytes + ADDED_TOKENS;
  return costOf(
    model,
    { inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens, outputTokens: maxTokens },
    catalog,
  );
}
