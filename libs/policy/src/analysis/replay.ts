import type { Facts, JudgedBy } from '@millwright/domain';
import { type Decision, evaluate } from '../evaluate.ts';
import { type Loaded, loadPolicy } from '../load.ts';
import type { Layer } from '../read.ts';

/** What was decided once, with all that it was decided on. */
export type Past = {
  facts: Facts;
  judgedBy: JudgedBy;
  decided: Pick<Decision, 'decision' | 'approvals' | 'policies'>;
};

export type Replayed =
  | { kind: 'same' }
  /** `looser`: more would be let through, or for fewer people. */
  | { kind: 'flips'; would: Decision; looser: boolean }
  /** It was no policy that decided it. */
  | { kind: 'untold'; why: string };

/** The policy that something was judged by. */
export const policyOf = ({ default: byDefault, factory, unit, repository }: JudgedBy): Loaded =>
  loadPolicy({ factory, unit: unit.text, repository }, byDefault);

const freedom = ({ decision, approvals }: Pick<Decision, 'decision' | 'approvals'>): number =>
  decision === 'allow' ? 3 : decision === 'deny' ? 0 : 3 - approvals;

/** The same facts, with another text for one layer; null is none. A text that is refused throws: whoever asks has checked it. */
export function judgeAgain({ facts, judgedBy, decided }: Past, layer: Layer, text: string | null): Replayed {
  const then = policyOf(judgedBy);
  if (then.kind === 'refused') return { kind: 'untold', why: 'its policy was refused' };
  const strange = decided.policies.find((id) => !then.policy.statements.has(id));
  if (strange !== undefined)
    return { kind: 'untold', why: `it was decided by ${strange}, which is no policy` };
  const changed = { ...judgedBy, [layer]: layer === 'unit' ? { ...judgedBy.unit, text } : text };
  const now = policyOf(changed);
  if (now.kind === 'refused') throw new Error(now.problems.join('; '));
  const would = evaluate(now.policy, facts);
  if (would.decision === decided.decision && would.approvals === decided.approvals) return { kind: 'same' };
  return { kind: 'flips', would, looser: freedom(would) > freedom(decided) };
}
