import type { GateAction } from '@millwright/domain';
import { SCHEMA } from '../default/schema.ts';
import { ask, prepare } from '../engine.ts';
import { defaultPolicies, readLayer } from '../load.ts';
import type { Layer, Problem, Written } from '../read.ts';
import { withFact } from './fact-paths.ts';
import { ORDINARY } from './ordinary.ts';
import { actionsOf, combinations, REPOSITORY, regionsOf } from './regions.ts';

/** An error is refused; a warning is taken, and worth a look. */
export type Finding = Problem & { level: 'error' | 'warning' };
export type Checked = {
  policies: number;
  findings: Finding[];
  /** Policies of which it could not be told whether they ever match: too many combinations, or facts compared with each other. */
  untold: string[];
};

/** Questions to Cedar for one policy, or for a pair, at most; and for all of a layer. 70 µs each. */
const FOR_ONE = 4_096;
const FOR_ALL = 30_000;

const DONE = { start: 'started', merge: 'merged', deploy: 'deployed' } as const;

/** For each combination of facts that these forbids tell apart, which of them match; null where that cannot be tried within bounds. */
function tried(
  statements: readonly Written[],
  action: GateAction,
  left: { asks: number },
): Set<string>[] | null {
  const ordinary = ORDINARY[action];
  const { values, exact } = regionsOf(statements, ordinary);
  const { count, each } = combinations(values);
  if (!exact || count > Math.min(FOR_ONE, left.asks)) return null;
  left.asks -= count;
  const asked = prepare(statements, SCHEMA);
  return [...each()].map((facts) => {
    const repo = facts.find(([path]) => path === REPOSITORY)?.[1] ?? 'shop';
    const context = facts.reduce(
      (all, [path, value]) => (path === REPOSITORY ? all : withFact(all, path, value)),
      ordinary,
    );
    const answer = ask(asked, action, String(repo), context);
    if (answer.kind === 'failed') throw new Error(answer.message);
    return new Set(answer.determining);
  });
}

/**
 * What is wrong with a layer's text, with its place: what does not parse or fit the facts; and of what is sound, what never matches, what forbids
 * everything, and what another policy forbids already. To say the latter all values of facts are tried that the policies tell apart.
 */
export function checkLayer(text: string, layer: Layer): Checked {
  const { statements, problems } = readLayer(text, layer);
  if (problems.length > 0)
    return {
      policies: statements.length,
      findings: problems.map((one) => ({ ...one, level: 'error' })),
      untold: [],
    };
  const left = { asks: FOR_ALL };
  const untold: string[] = [];
  const findings = statements.flatMap((one, at): Finding[] => {
    const warning = (said: string): Finding[] => [
      { level: 'warning', line: one.line, column: one.column, policy: one.id, text: said },
    ];
    const actions = actionsOf(one.json);
    const seen = actions.map((action) => ({ action, matches: tried([one], action, left) }));
    if (seen.some(({ matches }) => matches === null)) {
      untold.push(one.id);
      return [];
    }
    if (seen.every(({ matches }) => !matches?.some((ids) => ids.has(one.id))))
      return warning('never matches: there are no facts for which its conditions hold');
    const always = seen.filter(({ matches }) => matches?.every((ids) => ids.has(one.id)));
    const others = [...defaultPolicies().statements, ...statements.slice(0, at)].filter(
      ({ effect }) => effect === 'forbid',
    );
    const covering = others.find((other) => covers(other, one, left));
    return [
      ...(always.length === 0
        ? []
        : warning(
            `forbids always: nothing is ${always.map(({ action }) => DONE[action]).join(' or ')} any more, whoever allows it`,
          )),
      ...(covering === undefined
        ? []
        : warning(`adds nothing: whatever it forbids, ${covering.id} forbids too`)),
    ];
  });
  return { policies: statements.length, findings, untold };
}

/** Whether `other` matches wherever `one` does; false where that cannot be told. */
function covers(other: Written, one: Written, left: { asks: number }): boolean {
  const reach = actionsOf(other.json);
  const actions = actionsOf(one.json);
  if (!actions.every((action) => reach.includes(action))) return false;
  return actions.every((action) => {
    const matches = tried([one, other], action, left);
    return matches?.every((ids) => !ids.has(one.id) || ids.has(other.id)) ?? false;
  });
}
