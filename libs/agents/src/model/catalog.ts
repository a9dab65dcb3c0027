import { readFileSync } from 'node:fs';
import { nearestName } from '@millwright/domain';
import { z } from 'zod';

// What is known of models: prices, limits, what they take. Data: the built-in models.json, and over it `models.json` of the data folder.
// Sources, read in November 2026, all under https://platform.claude.com/docs/en: about-claude/pricing ("Model pricing", 5-minute cache writes);
// models/<name>/overview (context window, maximum output, thinking); build-with-claude/effort (levels of each model);
// build-with-claude/preserved-thinking/prefix-checks (the models that run the prefix check). `recorded/*` costs a tenth of Sonnet 5.5, so
// that a demo shows costs, and is as strict as the strictest.

export const Effort = z.enum(['low', 'medium', 'high', 'xhigh', 'max']);
export type Effort = z.infer<typeof Effort>;

/** US dollars a million tokens. A cache write of five minutes costs 1.25 × input where nothing else is said. */
const price = {
  input: z.number().nonnegative(),
  output: z.number().nonnegative(),
  cacheRead: z.number().nonnegative(),
  cacheWrite: z.number().nonnegative().optional(),
};

export const ModelFacts = z.strictObject({
  ...price,
  /** What a call costs as a whole once its prompt has more tokens than `over`. */
  long: z.strictObject({ over: z.number().int().positive(), ...price }).optional(),
  /** Tokens of prompt and answer together. */
  context: z.number().int().positive(),
  /** The largest `max_tokens`. */
  maxOutput: z.number().int().positive(),
  /** `none`: the model takes no adaptive thinking. */
  thinking: z.enum(['always', 'adaptive', 'none']).default('adaptive'),
  /** Empty: the model takes no effort. */
  efforts: z.array(Effort).default(['low', 'medium', 'high', 'xhigh', 'max']),
  /** Whether its thinking is refused once anything before it has changed. */
  preservedThinking: z.boolean().default(false),
  /** Whether the API sums a conversation up on request (conversation.ts). Source: …/build-with-claude/compaction-on-demand ("supportedModels"). */
  compaction: z.boolean().default(false),
  /** Whether it takes pictures. */
  pictures: z.boolean().default(false),
});
export type ModelFacts = z.infer<typeof ModelFacts>;

/** By the model's name; a name that ends with `*` stands for all that begin so. */
export const Catalog = z.record(z.string().min(1).max(200), ModelFacts);
export type Catalog = z.infer<typeof Catalog>;

export const BUILT_IN: Catalog = Catalog.parse(
  JSON.parse(readFileSync(new URL('./models.json', import.meta.url), 'utf8')),
);

/** The built-in catalog with a file's models over it. `text` null: there is no file. Says what is wrong with the file, naming the model. */
export function catalogWith(
  text: string | null,
  file: string,
): { kind: 'catalog'; catalog: Catalog } | { kind: 'bad'; problem: string } {
  if (text === null) return { kind: 'catalog', catalog: BUILT_IN };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'bad', problem: `${file} is not JSON: ${String(error)}` };
  }
  const parsed = Catalog.safeParse(value);
  return parsed.success
    ? { kind: 'catalog', catalog: { ...BUILT_IN, ...parsed.data } }
    : { kind: 'bad', problem: `${file}: ${z.prettifyError(parsed.error)}` };
}

/**
 * A model's name as Anthropic has it: without a date, and without what Bedrock and Vertex put around it (`anthropic.claude-opus-5-5`,
 * `eu.anthropic.claude-opus-4-6-v1:0`, `claude-sonnet-4-5@20250929`).
 */
const plainName = (model: string): string =>
  model
    .replace(/^(?:[a-z]{2,6}\.)?anthropic\./, '')
    .replace(/-v\d+(?::\d+)?$/, '')
    .replace(/[-@]\d{8}$/, '');

/** What is known of a model, by its name or by its name in short; null when nothing is. */
export function factsOfModel(model: string, catalog: Catalog = BUILT_IN): ModelFacts | null {
  for (const name of [model, plainName(model)])
    if (Object.hasOwn(catalog, name)) return catalog[name] ?? null;
  const family = Object.keys(catalog).find((key) => key.endsWith('*') && model.startsWith(key.slice(0, -1)));
  return family === undefined ? null : (catalog[family] ?? null);
}

/** What a person is told of a model that nobody knows: the nearest name for a slip, and that it can be added. */
export function unknownModel(model: string, catalog: Catalog = BUILT_IN): string {
  const near = nearestName(
    plainName(model),
    Object.keys(catalog).filter((name) => !name.endsWith('*')),
  );
  return [
    `the model ${model} is not known, so no budget can hold its calls.`,
    near === null ? '' : `Did you mean ${near}?`,
    `Add ${model} to the models of the factory with its prices, or set another`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}
