import type { Actor, Digest, Facts, PersonId } from '@millwright/domain';

/** An approval as the trail has it, with the instant of its entry. */
export type Approval = { person: PersonId; subject: Digest; at: number };

export type ApprovalRules = {
  /** What is to be allowed: an approval of another digest is of something else. */
  subject: Digest;
  /** People enrolled as approvers now. */
  approvers: readonly PersonId[];
  /** Requester, ticket's author and everybody else who has a hand in it. */
  excluded: readonly Actor[];
  askedAt: number;
  expiresAt: number;
  now: number;
};

export type Counted = { people: PersonId[]; refused: { person: PersonId; reason: string }[] };

/** Which approvals count: of this subject, by distinct enrolled people without a hand in it, given while the gate was open. */
export function countApprovals(approvals: readonly Approval[], rules: ApprovalRules): Counted {
  const counted: Counted = { people: [], refused: [] };
  for (const { person, subject, at } of approvals) {
    const reason = refusal(person, subject, at, counted.people, rules);
    if (reason === undefined) counted.people.push(person);
    else counted.refused.push({ person, reason });
  }
  return counted;
}

function refusal(
  person: PersonId,
  subject: Digest,
  at: number,
  counted: readonly PersonId[],
  rules: ApprovalRules,
): string | undefined {
  if (subject !== rules.subject) return 'it approves another digest';
  if (rules.excluded.some((actor) => String(actor) === String(person))) return 'the requester cannot approve';
  if (!rules.approvers.includes(person)) return 'not enrolled as an approver';
  if (at < rules.askedAt) return 'it is older than the gate';
  if (at > rules.expiresAt || rules.now > rules.expiresAt) return 'the gate has expired';
  if (counted.includes(person)) return 'the same person has approved already';
  return undefined;
}

/**
 * The facts that an approval stands on: when one of these differs from what was approved, the approval is void. Approvals
 * themselves and what changes by the minute (budget, halt, freeze) are left out: those are judged again at use.
 */
export function stableFacts(facts: Facts): Record<string, unknown> {
  const { approvals: _approvals, halted: _halted, budgetLeftUsd: _budget, ...stable } = facts;
  if (stable.action !== 'deploy') return stable;
  const { frozen: _frozen, ...rest } = stable;
  return rest;
}
