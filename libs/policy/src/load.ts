import { policySetTextToParts, policyToJson, validate } from '@cedar-policy/cedar-wasm/nodejs';
import { ALWAYS } from './default/always.ts';
import { DEPLOY } from './default/deploy.ts';
import { MERGE } from './default/merge.ts';
import { SCHEMA } from './default/schema.ts';
import { START } from './default/start.ts';
import { type PreparedPolicy, prepare, type Statement } from './engine.ts';

const DEFAULTS = [ALWAYS, START, MERGE, DEPLOY] as const;

/** What tightens the default policy is short: a page of forbids. */
export const MAX_LAYER = 32_768;

/** Whose policy stands beside the factory's. Each may only forbid. */
type Layer = 'unit' | 'repository';
/** The texts of the layers, as they are now; null where there is none. */
export type Layers = Readonly<Record<Layer, string | null>>;
const NO_LAYERS: Layers = { unit: null, repository: null };

export type Loaded = { kind: 'loaded'; policy: PreparedPolicy } | { kind: 'refused'; problems: string[] };
type Read = { statements: Statement[]; problems: string[] };

/** Splits a policy text; `origin` stands before problems and, for a layer's policies, before their ids. */
function readStatements(text: string, origin: 'default' | Layer): Read {
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure')
    return { statements: [], problems: parts.errors.map((e) => `${origin} policy: ${e.message}`) };
  const problems: string[] = [];
  if (parts.policy_templates.length > 0) problems.push(`${origin} policy: templates are not read`);
  const statements = parts.policies.flatMap((policy): Statement[] => {
    const parsed = policyToJson(policy);
    if (parsed.type === 'failure') {
      problems.push(...parsed.errors.map((e) => `${origin} policy: ${e.message}`));
      return [];
    }
    const { id, says } = parsed.json.annotations ?? {};
    if (!id || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(id)) {
      problems.push(
        `${origin} policy: a policy lacks an annotation @id("…") of a-z 0-9 -: ${policy.slice(0, 120)}`,
      );
      return [];
    }
    const { effect } = parsed.json;
    if (origin !== 'default' && effect === 'permit')
      problems.push(`${origin} policy ${id}: a ${origin} may only add forbid, never permit`);
    return [{ id: origin === 'default' ? id : `${origin}/${id}`, effect, says: says || id, text: policy }];
  });
  for (const id of statements.map((s) => s.id).filter((id, i, all) => all.indexOf(id) !== i))
    problems.push(`${origin} policy ${id}: the id is there twice`);
  return { statements, problems };
}

function validationProblems(statements: readonly Statement[]): string[] {
  const answer = validate({
    schema: SCHEMA,
    policies: { staticPolicies: Object.fromEntries(statements.map((s) => [s.id, s.text])) },
    validationSettings: { mode: 'strict' },
  });
  if (answer.type === 'failure') return answer.errors.map((e) => e.message);
  return answer.validationErrors.map((e) => `${e.policyId}: ${e.error.message}`);
}

/**
 * The default policy, tightened by the layer of its unit and by the repository's own (`.millwright/policy.cedar` of its default branch) where there
 * are such. Refused, with every problem named, when a text does not parse, does not fit the schema, or holds a permit; a repository whose
 * policy is refused must not be served by the default alone.
 */
export function loadPolicy(layers: Partial<Layers> = NO_LAYERS): Loaded {
  const all: Layers = { ...NO_LAYERS, ...layers };
  const key = JSON.stringify([all.unit, all.repository]);
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const made = load(all);
  loaded.set(key, made);
  const [oldest] = loaded.keys();
  if (loaded.size > HELD && oldest !== undefined) loaded.delete(oldest);
  return made;
}

/** By the layers' texts, which decide alone: reading the defaults again took 40 ms of every gate, and a run judges up to ten times. */
const loaded = new Map<string, Loaded>();
const HELD = 32;

function load(layers: Layers): Loaded {
  const texts: Read[] = DEFAULTS.map((text) => readStatements(text, 'default'));
  for (const layer of ['unit', 'repository'] as const) {
    const text = layers[layer];
    if (text === null) continue;
    if (text.length > MAX_LAYER)
      return { kind: 'refused', problems: [`${layer} policy: longer than ${MAX_LAYER} characters`] };
    texts.push(readStatements(text, layer));
  }
  const statements = texts.flatMap((text) => text.statements);
  const problems = texts.flatMap((text) => text.problems);
  if (problems.length === 0) problems.push(...validationProblems(statements));
  return problems.length > 0
    ? { kind: 'refused', problems }
    : { kind: 'loaded', policy: prepare(statements, SCHEMA) };
}
