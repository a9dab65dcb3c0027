import { createHash } from 'node:crypto';
import {
  type CedarValueJson,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';

// The only file that asks Cedar. Policy sets and the schema are parsed once and kept by Cedar under a name; the name is a digest of
// the text, so that the same text is never parsed twice and another text never answers under the same name.

export type Statement = { id: string; effect: 'permit' | 'forbid'; says: string; text: string };

/** A policy set ready to be asked. Cedar's language has no loops and no recursion: an answer takes time linear in policies and facts. */
export type PreparedPolicy = {
  name: string;
  schema: string | null;
  statements: ReadonlyMap<string, Statement>;
};

export type Answer =
  | { kind: 'answered'; allowed: boolean; determining: string[]; errors: string[] }
  | { kind: 'failed'; message: string };

const prepared = new Set<string>();

function once(
  kind: string,
  text: string,
  parse: (name: string) => { type: string; errors?: { message: string }[] },
): string {
  const name = `${kind}-${createHash('sha256').update(text).digest('hex')}`;
  if (prepared.has(name)) return name;
  const answer = parse(name);
  if (answer.type !== 'success') throw new Error((answer.errors ?? []).map((e) => e.message).join('; '));
  prepared.add(name);
  return name;
}

/** Throws when Cedar cannot parse it. With `schema` null, requests are not checked against one (tests of the engine only). */
export function prepare(statements: readonly Statement[], schema: string | null): PreparedPolicy {
  const byId = Object.fromEntries(statements.map((s) => [s.id, s.text]));
  return {
    name: once('policies', JSON.stringify(byId), (name) => preparsePolicySet(name, { staticPolicies: byId })),
    schema: schema === null ? null : once('schema', schema, (name) => preparseSchema(name, schema)),
    statements: new Map(statements.map((s) => [s.id, s])),
  };
}

/** One question to Cedar. Its own refusals come back as values; a fault inside the engine throws. */
export function ask(
  policy: PreparedPolicy,
  action: string,
  repo: string,
  context: Record<string, CedarValueJson>,
): Answer {
  const answer = statefulIsAuthorized({
    principal: { type: 'Factory', id: 'millwright' },
    action: { type: 'Action', id: action },
    resource: { type: 'Repository', id: repo },
    context,
    entities: [],
    preparsedPolicySetId: policy.name,
    ...(policy.schema === null ? {} : { preparsedSchemaName: policy.schema, validateRequest: true }),
  });
  if (answer.type === 'failure')
    return { kind: 'failed', message: answer.errors.map((e) => e.message).join('; ') };
  const { decision, diagnostics } = answer.response;
  return {
    kind: 'answered',
    allowed: decision === 'allow',
    determining: [...diagnostics.reason].sort(),
    errors: diagnostics.errors.map((e) => `${e.policyId}: ${e.error.message}`),
  };
}
