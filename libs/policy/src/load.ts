import { ALWAYS } from './default/always.ts';
import { DEPLOY } from './default/deploy.ts';
import { MERGE } from './default/merge.ts';
import { SCHEMA } from './default/schema.ts';
import { START } from './default/start.ts';
import { type PreparedPolicy, prepare } from './engine.ts';
import { LAYERS, type Layer, type Problem, type Read, readPolicies, type Written } from './read.ts';

/** The policy that Millwright comes with. */
export const DEFAULT_POLICY = [ALWAYS, START, MERGE, DEPLOY].join('\n');

/** What tightens the default policy is short: a page of forbids. */
export const MAX_LAYER = 32_768;

/** The texts of the layers; null where there is none. */
export type Layers = Readonly<Record<Layer, string | null>>;
const NO_LAYERS: Layers = { factory: null, unit: null, repository: null };

export type Loaded =
  | { kind: 'loaded'; policy: PreparedPolicy; statements: readonly Written[] }
  | { kind: 'refused'; problems: string[] };

/** `unit policy, line 3, column 7: unit/closed: attribute …` */
const told = (layer: Layer | 'default', { line, column, policy, text }: Problem): string =>
  `${layer} policy, line ${line}, column ${column}: ${policy === null ? '' : `${policy}: `}${text}`;

let builtIn: Read | undefined;
/** What Millwright comes with. Read once: 40 ms. */
export function defaultPolicies(): Read {
  builtIn ??= readPolicies(DEFAULT_POLICY, 'default');
  return builtIn;
}

/**
 * The default policy, tightened by what people accepted for the factory, by the layer of its unit and by the repository's own
 * (`.millwright/policy.cedar` of its default branch) where there are such. Refused, with every problem named, when a text does not parse, does not fit
 * the schema, or holds a permit; a repository whose policy is refused must not be served by the default alone. `byDefault`: another default policy, of
 * an earlier version.
 */
export function loadPolicy(layers: Partial<Layers> = NO_LAYERS, byDefault = DEFAULT_POLICY): Loaded {
  const all: Layers = { ...NO_LAYERS, ...layers };
  const key = JSON.stringify([byDefault, ...LAYERS.map((layer) => all[layer])]);
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const made = load(all, byDefault);
  loaded.set(key, made);
  const [oldest] = loaded.keys();
  if (loaded.size > HELD && oldest !== undefined) loaded.delete(oldest);
  return made;
}

/** By the layers' texts, which decide alone: reading the defaults again took 40 ms of every gate, and a run judges up to ten times. */
const loaded = new Map<string, Loaded>();
const HELD = 32;

/** A layer's policies, or what is wrong with it. */
export function readLayer(text: string, layer: Layer): Read {
  if (text.length <= MAX_LAYER) return readPolicies(text, layer);
  const problem = { line: 1, column: 1, policy: null, text: `longer than ${MAX_LAYER} characters` };
  return { statements: [], problems: [problem] };
}

function load(layers: Layers, byDefault: string): Loaded {
  const base = byDefault === DEFAULT_POLICY ? defaultPolicies() : readPolicies(byDefault, 'default');
  const read = LAYERS.flatMap((layer) => {
    const text = layers[layer];
    return text === null ? [] : [{ layer, ...readLayer(text, layer) }];
  });
  const all = [{ layer: 'default' as const, ...base }, ...read];
  const problems = all.flatMap((one) => one.problems.map((problem) => told(one.layer, problem)));
  if (problems.length > 0) return { kind: 'refused', problems };
  const statements = all.flatMap((one) => one.statements);
  return { kind: 'loaded', policy: prepare(statements, SCHEMA), statements };
}
