import { Facts, JudgedFacts } from '@millwright/domain';
import { expect, test } from 'vitest';
import { countApprovals, stableFacts } from './approvals.ts';
import { ANN, BOB, CAT, deployFacts, mergeFacts, undo } from './testing/facts.ts';

const facts = mergeFacts({ approvals: [ANN, BOB, CAT] });
const [ann, bob, cat] = facts.approvals;
if (ann === undefined || bob === undefined || cat === undefined) throw new Error('three people expected');
const { subject, requester } = facts;
const elsewhere = mergeFacts({ subject: `sha256:${'2'.repeat(64)}` }).subject;
const rules = {
  subject,
  approvers: [ann, bob],
  hands: {
    did: new Map([[String(requester), 'is the requester']]),
    broughtBy: new Map<string, string[]>(),
    enrolledBy: new Map<string, string[]>(),
    grantedBy: new Map<string, string[][]>(),
  },
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
    'this person is the requester, and cannot approve what comes of it',
    'it approves another digest',
    'it is older than the gate',
    'the same person has approved already',
    'not enrolled as an approver',
  ]);
});

const all = [ann, bob, cat].map((person) => ({ person, subject, at: 110 }));
const countedWith = (
  did: [string, string][],
  broughtBy: [string, string[]][],
  enrolledBy: [string, string[]][] = [],
  grantedBy: [string, string[][]][] = [],
) =>
  countApprovals(all, {
    ...rules,
    approvers: [ann, bob, cat],
    hands: {
      did: new Map(did),
      broughtBy: new Map(broughtBy),
      enrolledBy: new Map(enrolledBy),
      grantedBy: new Map(grantedBy),
    },
  });

test('whoever answered or instructed has a hand in it', () => {
  const { people, refused } = countedWith([[bob, 'answered its question']], []);
  expect(people).toEqual([ann, cat]);
  expect(refused).toEqual([{ person: bob, reason: expect.stringContaining('answered its question') }]);
});

test('who was let in since by somebody with a hand in it does not count, however long the chain', () => {
  const eve = 'per_00000eve0';
  const { people, refused } = countedWith(
    [[eve, 'is the requester']],
    [
      [ann, [eve]],
      [bob, ['per_0000zoe', eve]],
    ],
  );
  expect(people).toEqual([cat]);
  expect(refused.map(({ reason }) => reason)).toEqual([
    expect.stringContaining(`by ${eve}, who is the requester`),
    expect.stringContaining(`by ${eve}, who is the requester`),
  ]);
});

test('who let an approver in since counts as one with them, and two let in by one as one', () => {
  expect(countedWith([], [[bob, [ann]]]).people).toEqual([ann, cat]);
  const zoe = 'per_0000zoe0';
  expect(
    countedWith(
      [],
      [
        [bob, [zoe]],
        [cat, ['per_0000yan0', zoe]],
      ],
    ).people,
  ).toEqual([ann, bob]);
});

test('whoever the requester ever let in does not count, and who let another in counts as one with them', () => {
  const eve = 'per_00000eve0';
  const made = countedWith(
    [[eve, 'is the requester']],
    [],
    [
      [ann, [eve]],
      [bob, ['per_0000zoe0', eve]],
    ],
  );
  expect(made.people).toEqual([cat]);
  expect(made.refused.map(({ reason }) => reason)).toEqual(
    [0, 1].map(() => `this person was let in by ${eve}, who is the requester`),
  );
  expect(countedWith([], [], [[bob, [ann]]]).people).toEqual([ann, cat]);
  expect(countedWith([], [], [[ann, ['per_0000zoe0', bob]]]).people).toEqual([ann, cat]);
  // An administrator may let many in.
  expect(
    countedWith(
      [],
      [],
      [
        [bob, [eve]],
        [cat, [eve]],
      ],
    ).people,
  ).toEqual([ann, bob, cat]);
});

test('a role that somebody with a hand in it gave since does not count, unless they have it by another grant', () => {
  const [eve, zoe] = ['per_00000eve0', 'per_0000zoe0'];
  const { people, refused } = countedWith(
    [[eve, 'is the requester']],
    [],
    [],
    [
      [ann, [[zoe, eve]]],
      [bob, [[eve], []]],
      [cat, [[zoe], [eve]]],
    ],
  );
  expect(people).toEqual([bob, cat]);
  expect(refused).toEqual([
    { person: ann, reason: expect.stringContaining(`by ${eve}, who is the requester`) },
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

test('what an older factory judged is read without the facts that it did not know, and is not what is so now', () => {
  const { change, ...rest } = deployFacts() as Extract<Facts, { action: 'deploy' }>;
  const { filesDeleted: _, ...size } = change.size;
  const older = { ...rest, change: { ...change, size } };
  expect(Facts.safeParse(older).success).toBe(false);
  const read = JudgedFacts.parse({ ...older, moon: 'full' });
  expect(read).toMatchObject({ action: 'deploy', undo: older.undo, step: older.step, moon: 'full' });
  expect(stableFacts(read)).not.toEqual(stableFacts(deployFacts()));
});
