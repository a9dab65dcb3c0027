import {
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import { SCHEMA } from './default/schema.ts';
import type { Statement } from './engine.ts';

/** Whose policy stands beside the one that Millwright comes with. Each may only forbid. */
export const LAYERS = ['factory', 'unit', 'repository'] as const;
export type Layer = (typeof LAYERS)[number];
type Origin = 'default' | Layer;

/** What is wrong with a text, and where: lines and columns from 1, columns in characters. */
export type Problem = { line: number; column: number; policy: string | null; text: string };

/** A policy as it was written: Cedar's own tree of it, and where it begins. */
export type Written = Statement & { json: PolicyJson; line: number; column: number };
export type Read = { statements: Written[]; problems: Problem[] };

/** Cedar counts bytes of UTF-8. */
function placeOf(text: string, byte: number): { line: number; column: number } {
  const before = new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, byte));
  const lines = before.split('\n');
  return { line: lines.length, column: [...(lines.at(-1) ?? '')].length + 1 };
}

type Fault = { message: string; help?: string | null; sourceLocations?: { start: number }[] };

const problemOf = (text: string, fault: Fault, policy: string | null): Problem => ({
  ...placeOf(text, fault.sourceLocations?.[0]?.start ?? 0),
  policy,
  text: fault.help ? `${fault.message} (${fault.help})` : fault.message,
});

/** The names that Cedar gives the policies of a text, in the order in which it lists them: by name, so that `policy10` is before `policy2`. */
const namesOf = (count: number): string[] => Array.from({ length: count }, (_, at) => `policy${at}`).sort();

/**
 * The policies of a text, or everything that is wrong with it: what does not parse, does not fit the facts of its action, has no name or one
 * twice; and of a layer a permit. A layer's policies are named after it.
 */
export function readPolicies(text: string, origin: Origin): Read {
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure')
    return { statements: [], problems: parts.errors.map((fault) => problemOf(text, fault, null)) };
  const problems: Problem[] = [];
  if (parts.policy_templates.length > 0) {
    const slot = placeOf(text, new TextEncoder().encode(text.slice(0, text.search(/\?\w/))).length);
    problems.push({ ...slot, policy: null, text: 'templates are not read' });
  }
  const ids = new Map<string, string>();
  const statements = wholes(text, parts.policies).flatMap(({ name, source, start }): Written[] => {
    const place = placeOf(text, start);
    const wrong = (policy: string | null, said: string): [] => {
      problems.push({ ...place, policy, text: said });
      return [];
    };
    const parsed = policyToJson(source);
    if (parsed.type === 'failure') return wrong(null, parsed.errors.map(({ message }) => message).join('; '));
    const { json } = parsed;
    const { id, says } = json.annotations ?? {};
    if (!id || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(id))
      return wrong(null, 'a policy lacks an annotation @id("…") of a-z 0-9 -');
    const own = origin === 'default' ? id : `${origin}/${id}`;
    ids.set(name, own);
    if (origin !== 'default' && json.effect === 'permit')
      wrong(own, `a ${origin} may only add forbid, never permit`);
    return [{ id: own, effect: json.effect, says: says || id, text: source, json, ...place }];
  });
  for (const [at, { id, line, column }] of statements.entries())
    if (statements.findIndex((one) => one.id === id) < at)
      problems.push({ line, column, policy: id, text: 'the id is there twice' });
  return { statements, problems: problems.length > 0 ? problems : misfits(text, ids) };
}

/** Each policy with Cedar's name for it, as it stands in the text, in its order, and the byte at which it begins. */
function wholes(text: string, policies: readonly string[]) {
  const names = namesOf(policies.length);
  const sources = policies
    .map((source, at) => ({ name: names[at] ?? '', source }))
    .sort((a, b) => Number(a.name.slice('policy'.length)) - Number(b.name.slice('policy'.length)));
  let from = 0;
  return sources.map((one) => {
    const at = text.indexOf(one.source, from);
    if (at >= 0) from = at + one.source.length;
    return { ...one, start: new TextEncoder().encode(text.slice(0, Math.max(at, 0))).length };
  });
}

/** What Cedar's validator says of a text that parses. */
function misfits(text: string, ids: ReadonlyMap<string, string>): Problem[] {
  const answer = validate({
    schema: SCHEMA,
    policies: { staticPolicies: text },
    validationSettings: { mode: 'strict' },
  });
  if (answer.type === 'failure') return answer.errors.map((fault) => problemOf(text, fault, null));
  return answer.validationErrors.map(({ policyId, error }) =>
    problemOf(
      text,
      { ...error, message: error.message.replace(`for policy \`${policyId}\`, `, '') },
      ids.get(policyId) ?? null,
    ),
  );
}
