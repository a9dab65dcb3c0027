import { expect, test } from 'vitest';
import { countApprovals, stableFacts } from './approvals.ts';
import { ANN, BOB, CAT, deployFacts, mergeFacts, undo } from './example/facts.ts';

const facts = mergeFacts({ approvals: [ANN, BOB, CAT] });
const [ann, bob, cat] = facts.approvals;
if (ann === undefined || bob === undefined || cat === undefined) throw new Error('three people expected');
const { subject, requester } = facts;
const elsewhere = mergeFacts({ subject: `sha256:${'2'.repeat(64)}` }).subject;
const rules = {
  subject,
  approvers: [ann, bob],
  excluded: [requester],
  askedAt: 100,
  expiresAt: 200,
  now: 150,
};

test('counts distinct enrolled people without a hand in it', () => {
  const counted = countApprovals(
    [
      { person: ann, subject, at: 110 },
      { person: bob, subject: elsewhere, at: 110 },
      { person: bob, subject, at: 90 },
      { person: bob, subject, at: 120 },
      { person: bob, subject, at: 130 },
      { person: cat, subject, at: 140 },
    ],
    rules,
  );
  expect(counted.people).toEqual([bob]);
  expect(counted.refused.map((r) => r.reason)).toEqual([
    'the requester cannot approve',
    'it approves another digest',
    'it is older than the gate',
    'the same person has approved already',
    'not enrolled as an approver',
  ]);
});

test('none counts after the gate has expired', () => {
  expect(countApprovals([{ person: bob, subject, at: 120 }], { ...rules, now: 201 }).people).toEqual([]);
  expect(countApprovals([{ person: bob, subject, at: 201 }], { ...rules, now: 201 }).people).toEqual([]);
});

test('stable facts leave out what is judged again at use, and nothing else', () => {
  const one = deployFacts();
  const volatile = deployFacts({ halted: true, budgetLeftUsd: 0, approvals: [BOB], frozen: true });
  expect(stableFacts(volatile)).toEqual(stableFacts(one));
  expect(stableFacts(deployFacts({ step: 7 }))).not.toEqual(stableFacts(one));
  expect(stableFacts(deployFacts({ undo: undo({ rehearsed: false }) }))).not.toEqual(stableFacts(one));
});
