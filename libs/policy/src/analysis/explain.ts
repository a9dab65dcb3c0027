import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Facts } from '@millwright/domain';
import { approvalsOf, type Context, contextOf } from '../context.ts';
import { ask, type PreparedPolicy } from '../engine.ts';
import { MOST_APPROVALS, type Question, type Weighed, weigh } from '../evaluate.ts';
import type { Written } from '../read.ts';
import { type FactPath, factAt, withFact } from './fact-paths.ts';
import { actionsOf, REPOSITORY, regionsOf, toldApart } from './regions.ts';

/** Another value of one fact. */
export type Change = { fact: FactPath; is: CedarValueJson; would: CedarValueJson };

export type Explained = {
  /** The policies that made it so, and the facts that they read, with their values. */
  policies: Written[];
  facts: { fact: FactPath; value: CedarValueJson }[];
  /**
   * The smallest sets of facts that would have to differ for another decision: for what was denied, one that is not; for what waits, one that waits for
   * nobody; for what was allowed, one that is not. All of the same size, each fact with the nearest value that does it.
   */
  smallest: Change[][];
  /** Nothing smaller was missed: the policies compare facts with constants alone, and the search came to its end. */
  complete: boolean;
};

/** Facts in a set, sets told, and questions to the policy (of 0.2 ms each), at most. */
const MOST_FACTS = 4;
const MOST_SETS = 12;
const MOST_QUESTIONS = 2_000;

/** Why it is decided so, and what would have to differ. Throws where the policy cannot be evaluated on these facts. */
export const explain = (
  by: { policy: PreparedPolicy; statements: readonly Written[] },
  facts: Facts,
): Explained =>
  explainQuestion(by, {
    ...{ action: facts.action, repo: facts.repo, context: contextOf(facts, approvalsOf(facts)) },
  });

export function explainQuestion(
  { policy, statements }: { policy: PreparedPolicy; statements: readonly Written[] },
  question: Question,
): Explained {
  const first = weigh(policy, question);
  const policies = statements.filter(({ id }) => first.policies.includes(id));
  const read = [...new Set(policies.flatMap(({ json }) => [...toldApart(json).constants.keys()]))];
  const facts = read.flatMap((fact) => {
    const value = fact === REPOSITORY ? question.repo : factAt(question.context, fact);
    return value === undefined ? [] : [{ fact, value }];
  });
  const of = statements.filter(({ json }) => actionsOf(json).includes(question.action));
  return { policies, facts, ...search(policy, of, question, first) };
}

const flips = (from: Weighed['decision'], to: Weighed['decision']): boolean =>
  from === 'deny' ? to !== 'deny' : from === 'allow' ? to !== 'allow' : to === 'allow';

/**
 * By size, smallest first. A set that changes the decision has to touch what blocks it (a fact of a forbid that matches; where none does, a fact of
 * some permit), whatever else it holds: only such facts are tried next, and no set of that size is missed.
 */
function search(
  policy: PreparedPolicy,
  statements: readonly Written[],
  question: Question,
  first: Weighed,
): Pick<Explained, 'smallest' | 'complete'> {
  const regions = regionsOf(statements, question.context);
  const others = otherValues(regions.values, question.context, first.decision === 'allow');
  let left = MOST_QUESTIONS;
  const found = new Map<string, Change[]>();
  const seen = new Set<string>();
  const from = (context: Context, changed: readonly Change[], size: number): void => {
    const key = JSON.stringify([...changed].sort((a, b) => (a.fact < b.fact ? -1 : 1)));
    if (left <= 0 || seen.has(key)) return;
    seen.add(key);
    left -= 1;
    const asked = { ...question, context };
    if (flips(first.decision, weigh(policy, asked).decision)) {
      const set = changed.map(({ fact }) => fact).sort();
      if (!found.has(set.join())) found.set(set.join(), [...changed]);
      return;
    }
    if (changed.length === size) return;
    for (const fact of blocking(policy, statements, asked, first.decision)) {
      if (changed.some((one) => one.fact === fact)) continue;
      for (const would of others.get(fact) ?? []) {
        const is = factAt(context, fact) as CedarValueJson;
        from(withFact(context, fact, would), [...changed, { fact, is, would }], size);
      }
    }
  };
  for (let size = 1; size <= MOST_FACTS && found.size === 0 && left > 0; size++) {
    seen.clear();
    from(question.context, [], size);
  }
  return {
    smallest: [...found.values()].slice(0, MOST_SETS),
    complete: regions.exact && left > 0 && found.size <= MOST_SETS,
  };
}

/** The facts of which one has to be another, before this is decided otherwise. */
function blocking(
  policy: PreparedPolicy,
  statements: readonly Written[],
  { action, repo, context }: Question,
  from: Weighed['decision'],
): FactPath[] {
  const factsOf = (some: readonly Written[]) =>
    some.flatMap(({ json }) => [...toldApart(json).constants.keys()]);
  if (from === 'allow') return [...new Set(factsOf(statements))];
  const given = Number(context.approvals);
  const supposed = from === 'deny' ? Math.max(given, MOST_APPROVALS) : given;
  const facts: FactPath[] = [];
  for (let approvals = given; approvals <= supposed; approvals++) {
    const answer = ask(policy, action, repo, { ...context, approvals });
    const determining = answer.kind === 'answered' ? answer.determining : [];
    const blocks = statements.filter(({ id }) => determining.includes(id));
    facts.push(
      ...factsOf(blocks.length > 0 ? blocks : statements.filter(({ effect }) => effect === 'permit')),
    );
  }
  return [...new Set(facts)];
}

/** What each fact could be instead, the nearest first. What people have allowed is one only where it was allowed. */
function otherValues(
  values: ReadonlyMap<FactPath, readonly CedarValueJson[]>,
  context: Context,
  withApprovals: boolean,
): Map<FactPath, CedarValueJson[]> {
  const others = new Map<FactPath, CedarValueJson[]>();
  for (const [fact, some] of values) {
    const is = factAt(context, fact);
    if (is === undefined || (fact === 'approvals' && !withApprovals)) continue;
    const near = Array.isArray(is) ? setsNear(is, some) : [...some];
    const apart = (one: CedarValueJson) => (typeof one === 'number' ? Math.abs(one - Number(is)) : 0);
    const same = JSON.stringify(is);
    others.set(
      fact,
      near.filter((one) => JSON.stringify(one) !== same).sort((a, b) => apart(a) - apart(b)),
    );
  }
  return others;
}

/** A set with an element more or less, then the empty one: what else is in it stays. */
function setsNear(is: readonly CedarValueJson[], some: readonly CedarValueJson[]): CedarValueJson[][] {
  const elements = [...new Set(some.flat())] as CedarValueJson[];
  const toggled = elements.map((one) =>
    is.includes(one) ? is.filter((other) => other !== one) : [...is, one],
  );
  return [...toggled, []];
}
