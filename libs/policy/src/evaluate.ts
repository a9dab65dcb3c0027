import { Facts, type GateAction } from '@millwright/domain';
import { approvalsOf, type Context, contextOf } from './context.ts';
import { type Answer, ask, type PreparedPolicy } from './engine.ts';
import { sentence } from './sentence.ts';

/** The most people that any approval may wait for. */
export const MOST_APPROVALS = 2;

export type Decision = {
  decision: 'allow' | 'deny' | 'needs_approval';
  /** Ids of the policies that made it so; `fact-missing` and `engine` where none could be asked. */
  policies: string[];
  /** How many people must have allowed it in all: 0 unless `needs_approval`. */
  approvals: number;
  /** A sentence for people. */
  reason: string;
};

const deny = (policies: string[], reason: string): Decision => ({
  decision: 'deny',
  policies,
  approvals: 0,
  reason,
});

type Judged = { allowed: boolean; determining: string[] };

/** An error in any one policy is an error of the answer: Cedar skips a forbid that it cannot evaluate, and a skipped forbid allows. */
function judged(answer: Answer): Judged {
  if (answer.kind === 'failed') throw new Error(answer.message);
  if (answer.errors.length > 0) throw new Error(answer.errors.join('; '));
  return { allowed: answer.allowed, determining: answer.determining };
}

/** What is asked of a policy: its facts as policies read them, with the approvals that there are. */
export type Question = { action: GateAction; repo: string; context: Context };

export type Weighed = Omit<Decision, 'reason'> & {
  /** The policies that say best why: what people lifted, what stands in the way, else what permits. */
  because: string[];
  /** Of what is allowed: whether it would be without anybody's approval. */
  unasked: boolean;
};

/** Every error of Cedar throws: `evaluate` makes a deny of it. What approvals alone would permit (asked again with one supposed, then two) waits. */
export function weigh(policy: PreparedPolicy, { action, repo, context }: Question): Weighed {
  const given = Number(context.approvals);
  const at = (approvals: number) => judged(ask(policy, action, repo, { ...context, approvals }));
  const now = at(given);
  if (now.allowed) {
    // What approvals lifted explains best why they were wanted.
    const without = given === 0 ? now : at(0);
    const lifted = without.allowed ? [] : without.determining;
    return {
      ...{ decision: 'allow', policies: now.determining, approvals: 0, unasked: without.allowed },
      because: lifted.length > 0 ? lifted : now.determining,
    };
  }
  let last: Judged = now;
  for (let supposed = Math.max(1, given + 1); supposed <= MOST_APPROVALS; supposed++) {
    last = at(supposed);
    if (!last.allowed) continue;
    return {
      ...{ decision: 'needs_approval', approvals: supposed, unasked: false },
      policies: [...new Set([...now.determining, ...last.determining])].sort(),
      // What stands in the way explains best; where nothing forbids, the permit that waits does.
      because: now.determining.length > 0 ? now.determining : last.determining,
    };
  }
  // Only what no approval lifts is the reason for a final deny.
  const policies = last.determining;
  return { decision: 'deny', policies, approvals: 0, because: policies, unasked: false };
}

function decide(policy: PreparedPolicy, facts: Facts): Decision {
  const given = approvalsOf(facts);
  const { because, unasked, ...decided } = weigh(policy, {
    ...{ action: facts.action, repo: facts.repo, context: contextOf(facts, given) },
  });
  const says = because.map((id) => policy.statements.get(id)?.says ?? id);
  switch (decided.decision) {
    case 'allow':
      return { ...decided, reason: sentence.allowed(facts, unasked ? 0 : given, says) };
    case 'needs_approval':
      return { ...decided, reason: sentence.waits(facts, decided.approvals, given, says) };
    case 'deny':
      return { ...decided, reason: sentence.denied(facts, says) };
  }
}

/**
 * May this start, merge or deploy? The one place that fails closed: a fact that is missing or does not fit, a policy that errs and a
 * fault of the engine all are a final deny.
 */
export function evaluate(policy: PreparedPolicy, facts: Facts): Decision {
  try {
    const known = Facts.safeParse(facts);
    if (known.success) return decide(policy, known.data);
    const missing = [...new Set(known.error.issues.map((issue) => issue.path.join('.') || 'action'))];
    return deny(['fact-missing'], sentence.missing(missing));
  } catch (error) {
    return deny(['engine'], sentence.faulty(error instanceof Error ? error.message : String(error)));
  }
}
