import type { Digest, JudgedFacts, PersonId } from '@millwright/domain';

/** An approval as the trail has it, with the instant of its entry. */
export type Approval = { person: PersonId; subject: Digest; at: number };

/** Who stands where towards what is to be allowed, as the trail has it. */
export type Hands = {
  /** Who has a hand in it, with what they did: "is the requester", "answered its question". */
  did: ReadonlyMap<string, string>;
  /**
   * Who let a person in, or gave out their token anew, since the ticket was filed; and who let those in, nearest first. Whoever did it may
   * have the token: the person counts as the last of them.
   */
  broughtBy: ReadonlyMap<string, readonly string[]>;
  /** The same at any time, without the first administrator, who let everybody in at the beginning and has the machine. */
  enrolledBy: ReadonlyMap<string, readonly string[]>;
  /**
   * Of each grant by which a person may approve: who gave it since the ticket was filed, or moved the repository to where it reaches, and
   * who let those in. Empty for one of before.
   */
  grantedBy: ReadonlyMap<string, readonly (readonly string[])[]>;
};

export type ApprovalRules = {
  /** What is to be allowed: an approval of another digest is of something else. */
  subject: Digest;
  /** People enrolled as approvers now. */
  approvers: readonly PersonId[];
  hands: Hands;
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

/** Why this person's approval would not count, whatever they approve; undefined where it would. */
export function handIn(
  person: PersonId,
  { did, broughtBy, enrolledBy, grantedBy }: Hands,
): string | undefined {
  const own = did.get(person);
  if (own !== undefined) return `this person ${own}, and cannot approve what comes of it`;
  const by = (broughtBy.get(person) ?? []).find((one) => did.has(one));
  if (by !== undefined)
    return `this person was let in since the ticket was filed, by ${by}, who ${did.get(by)}`;
  const before = (enrolledBy.get(person) ?? []).find((one) => did.has(one));
  if (before !== undefined) return `this person was let in by ${before}, who ${did.get(before)}`;
  // One grant that nobody with a hand in it gave is enough.
  const givers = (grantedBy.get(person) ?? []).map((chain) => chain.find((one) => did.has(one)));
  const [giver] = givers;
  return giver === undefined || givers.includes(undefined)
    ? undefined
    : `this person has their role here since the ticket was filed, by ${giver}, who ${did.get(giver)}`;
}

function refusal(
  person: PersonId,
  subject: Digest,
  at: number,
  counted: readonly PersonId[],
  rules: ApprovalRules,
): string | undefined {
  if (subject !== rules.subject) return 'it approves another digest';
  const hand = handIn(person, rules.hands);
  if (hand !== undefined) return hand;
  if (!rules.approvers.includes(person)) return 'not enrolled as an approver';
  if (at < rules.askedAt) return 'it is older than the gate';
  if (at > rules.expiresAt || rules.now > rules.expiresAt) return 'the gate has expired';
  const root = (one: PersonId): string => rules.hands.broughtBy.get(one)?.at(-1) ?? one;
  if (counted.includes(person)) return 'the same person has approved already';
  if (counted.some((one) => root(one) === root(person)))
    return 'it counts as one with another: the same person let both in, or one the other, since the ticket was filed';
  const { enrolledBy } = rules.hands;
  const letIn = (a: PersonId, b: PersonId) => enrolledBy.get(b)?.includes(a) ?? false;
  if (counted.some((one) => letIn(one, person) || letIn(person, one)))
    return 'it counts as one with another: one let the other in';
  return undefined;
}

/**
 * The facts that an approval stands on: when one of these differs from what was approved, the approval is void. Approvals
 * themselves and what changes by the minute (budget, halt, freeze) are left out: those are judged again at use.
 */
export function stableFacts(facts: JudgedFacts): Record<string, unknown> {
  const { approvals: _approvals, halted: _halted, budgetLeftUsd: _budget, ...stable } = facts;
  if (stable.action !== 'deploy') return stable;
  const { frozen: _frozen, ...rest } = stable;
  return rest;
}
