import type { Entry } from '@millwright/domain';
import { describe, expect, it } from 'vitest';
import { generateKey } from '../log/keys.ts';
import { Ledger } from '../testing/ledger.ts';
import { type EvidencePack, evidencePack, type Section, verifyEvidence } from './evidence.ts';
import { evidenceMarkdown } from './evidence-markdown.ts';

const RUN = 'run/run_0000000000000001';
const ADA = 'per_00000000ada';
const BOB = 'per_00000000bob';
const sha = (fill: string) => fill.repeat(40);
const digest = (fill: string) => `sha256:${fill.repeat(64)}`;

type Says = [stream: string, type: Entry['type'], data: object];
const opened: Says = [
  RUN,
  'run.opened',
  {
    run: 'run_0000000000000001',
    ticket: 'tkt_0000000000000001',
    repo: 'shop',
    author: ADA,
    ticketDigest: digest('a'),
    config: digest('a'),
    base: { commit: sha('a'), tree: sha('a') },
    deploys: false,
    step: 3,
    expiresAt: 1,
    limits: { reworks: 1, attempts: 1, tasks: 1, rebases: 1 },
  },
];
const composed: Says = [
  RUN,
  'change.composed',
  { subject: digest('c'), base: sha('a'), commit: sha('c'), tree: sha('d'), patchId: sha('e') },
];
const reviewed = (verdict: string): Says => [
  RUN,
  'task.reviewed',
  { task: null, review: digest('f'), patchId: sha('e'), verdict },
];
const tested = (verdict: string): Says => [
  RUN,
  'change.tested',
  { task: null, tree: sha('d'), report: digest('f'), verdict, failure: null },
];
const asked: Says = [
  RUN,
  'gate.asked',
  { gate: 'gate_0000000000000001', action: 'merge', subject: digest('c'), facts: digest('b'), expiresAt: 1 },
];
const approved = (person: string): Says => [
  RUN,
  'gate.approved',
  { gate: 'gate_0000000000000001', person, subject: digest('c'), reason: 'fine' },
];
const decided = (decision: string): Says => [
  RUN,
  'gate.decided',
  {
    gate: 'gate_0000000000000001',
    decision,
    policies: ['merge-low'],
    approvals: 1,
    facts: digest('b'),
    reason: '',
  },
];
const merged: Says = [
  RUN,
  'merge.finished',
  { commit: sha('c'), tree: sha('d'), delivered: 'merge', ref: 'main', reason: '' },
];
const done = { task: [opened, reviewed('approve'), composed, tested('passed'), asked] };

function pack(says: readonly Says[], since = 0): { ledger: Ledger; made: EvidencePack } {
  const ledger = new Ledger();
  for (const [stream, type, data] of says) ledger.append(stream, type, data);
  const about = {
    framework: 'soc2' as const,
    since,
    through: ledger.entries.length,
    names: { [ADA]: 'Ada' },
  };
  return {
    ledger,
    made: evidencePack(
      ledger.bundle(null, () => true),
      about,
    ),
  };
}

describe('a merged change', () => {
  it('is a line on who wanted, judged and approved it, and a line on whether these were different people', () => {
    const { changes, duties } = pack([...done.task, approved(BOB), decided('allow'), merged]).made.evidence;
    expect(changes).toEqual([
      expect.objectContaining({ position: 8, ok: true, support: [1, 2, 3, 4, 5, 6, 7] }),
    ]);
    expect(changes[0]?.text).toBe(
      `commit cccccccccccc on main, requested by ${ADA}: review approve, tests passed; gate allow by merge-low; approved by ${BOB}`,
    );
    expect(duties).toEqual([expect.objectContaining({ position: 8, ok: true })]);
    expect(duties[0]?.text).toContain('different people');
  });

  it.each<[string, Says[], Section, string]>([
    ['approved by its requester', [approved(ADA), decided('allow')], 'duties', 'is among the approvers'],
    ['that no gate allowed', [decided('deny')], 'changes', 'gate deny'],
    ['whose gate was never decided', [], 'changes', 'gate missing'],
    ['whose tests failed after all', [tested('failed'), decided('allow')], 'changes', 'tests failed'],
    [
      'that a reviewer sent back',
      [reviewed('request_changes'), decided('allow')],
      'changes',
      'review request_changes',
    ],
    [
      'that went without a review',
      [[RUN, 'review.skipped', { patchId: sha('e'), tree: sha('d'), kind: 'docs' }], decided('allow')],
      'changes',
      'review not asked for, as trivial',
    ],
  ])('%s is one to look at', (_, says, section, text) => {
    const [line] = pack([...done.task, ...says, merged]).made.evidence[section];
    expect(line).toMatchObject({ ok: false });
    expect(line?.text).toContain(text);
  });

  it('that policy alone allowed says so, and is in order', () => {
    const { changes, duties } = pack([...done.task, decided('allow'), merged]).made.evidence;
    expect([changes[0]?.ok, duties[0]?.ok]).toEqual([true, true]);
    expect(changes[0]?.text).toContain('approved by policy alone');
  });

  it('rests on entries of before the period, of its own run only', () => {
    const other: Says = ['run/run_0000000000000002', 'gate.decided', decided('deny')[2]];
    const { evidence } = pack([...done.task, decided('allow'), other, merged], 7).made;
    expect(evidence.changes).toEqual([
      expect.objectContaining({ position: 8, ok: true, support: [1, 2, 3, 4, 5, 6] }),
    ]);
  });
});

it.each<[Says, Section, boolean, string]>([
  [
    ['person/p', 'person.invited', { person: BOB, roles: ['approver'], expiresAt: 1 }],
    'access',
    true,
    `invited ${BOB} as approver`,
  ],
  [['person/p', 'person.accepted', { person: BOB }], 'access', true, `${BOB} accepted the invitation`],
  [
    ['person/p', 'person.rotated', { person: BOB, expiresAt: null }],
    'access',
    true,
    `rotated the token of ${BOB}`,
  ],
  [
    [
      'person/p',
      'person.invited',
      { person: BOB, roles: ['approver'], scope: { kind: 'unit', unit: 'till' }, expiresAt: 1 },
    ],
    'access',
    true,
    `invited ${BOB} as approver of unit till`,
  ],
  ...(
    [
      ['person.granted', 'granted'],
      ['person.revoked', 'took from'],
    ] as const
  ).map(([type, verb]): [Says, Section, boolean, string] => [
    [
      'person/p',
      type,
      { person: BOB, role: 'admin', scope: { kind: 'repo', repo: 'shop' }, reason: 'since May' },
    ],
    'access',
    true,
    `${verb} ${BOB} admin of repository shop: since May`,
  ]),
  [
    ['unit/till', 'unit.policy-set', { unit: 'till', policy: null, reason: 'it is Friday' }],
    'access',
    true,
    'took away the policy of unit till: it is Friday',
  ],
  [
    ['repo/shop', 'repo.secret-set', { repo: 'shop', name: 'TOKEN' }],
    'access',
    true,
    'set secret TOKEN of shop',
  ],
  [
    ['repo/shop', 'repo.step-set', { repo: 'shop', step: 6, reason: 'earned' }],
    'access',
    true,
    'autonomy step 6: earned',
  ],
  [['factory', 'factory.halted', { reason: 'smoke' }], 'incidents', false, 'halted the factory: smoke'],
  [
    [RUN, 'deploy.finished', { release: 'rel_0000000000000001', result: 'failed', live: null, evidence: '' }],
    'incidents',
    false,
    'failed',
  ],
  [
    [
      RUN,
      'deploy.finished',
      { release: 'rel_0000000000000001', result: 'rolled_back', live: null, evidence: '' },
    ],
    'rollbacks',
    false,
    'was rolled back',
  ],
  [
    [RUN, 'revert.finished', { commit: sha('9'), ref: 'main', reason: '' }],
    'rollbacks',
    true,
    'reverted by commit 999999999999',
  ],
  [
    [RUN, 'revert.finished', { commit: null, ref: '', reason: 'conflicts' }],
    'rollbacks',
    false,
    'left to a person: conflicts',
  ],
  [
    [
      'target/shop',
      'target.released',
      {
        release: 'rel_0000000000000001',
        previous: null,
        fence: 1,
        by: 'rollback',
        artifact: null,
        reason: 'slow',
      },
    ],
    'rollbacks',
    true,
    'traffic back to rel_0000000000000001',
  ],
])('%j is a line of %s', (says, section, ok, text) => {
  const { evidence } = pack([says]).made;
  expect(evidence[section]).toEqual([expect.objectContaining({ position: 1, ok })]);
  expect(evidence[section][0]?.text).toContain(text);
  expect(Object.values(evidence).flat()).toHaveLength(1);
});

describe('a pack', () => {
  const made = pack([
    ...done.task,
    approved(BOB),
    decided('allow'),
    merged,
    ['factory', 'factory.halted', { reason: 'smoke' }],
  ]);
  const vkeys = [made.ledger.signer.vkey];
  const changed = (change: (copy: EvidencePack) => void): string => {
    const copy = structuredClone(made.made);
    change(copy);
    return JSON.stringify(copy);
  };

  it('holds with nothing but the key', () => {
    expect(verifyEvidence(JSON.stringify(made.made), vkeys)).toMatchObject({
      integrity: { kind: 'ok' },
      lines: { kind: 'ok', count: 3 },
      range: { since: 0, through: 9 },
    });
  });

  it.each<[string, (copy: EvidencePack) => void, object]>([
    [
      'a line that says something else',
      (copy) => {
        (copy.evidence.changes[0] as { text: string }).text += '!';
      },
      { lines: { kind: 'wrong', section: 'changes' } },
    ],
    [
      'a line that was left out',
      (copy) => {
        copy.evidence.incidents = [];
      },
      { lines: { kind: 'wrong', section: 'incidents' } },
    ],
    [
      'a section of its own',
      (copy) => {
        Object.assign(copy.evidence, { praise: [] });
      },
      { lines: { kind: 'wrong', section: 'praise' } },
    ],
    [
      'an approval that was changed',
      (copy) => {
        const entry = copy.bundle.entries[5];
        if (entry?.payload) entry.payload.text = entry.payload.text.replace(BOB, ADA);
      },
      { integrity: { kind: 'tampered', position: 6 } },
    ],
    [
      'a checkpoint of somebody else',
      (copy) => {
        copy.bundle.checkpoint = made.ledger.checkpoint(9, {
          by: generateKey(made.ledger.origin, 'note').signer,
        });
      },
      { integrity: { kind: 'untrusted' } },
    ],
    [
      'another version',
      (copy) => {
        Object.assign(copy, { v: 2 });
      },
      { integrity: { kind: 'unreadable' } },
    ],
  ])('finds %s', (_, change, verdict) => {
    expect(verifyEvidence(changed(change), vkeys)).toMatchObject(verdict);
  });

  it('reads as Markdown, each line with its position and leaf, and what people wrote as text', () => {
    const told = evidenceMarkdown(
      pack([
        ['factory', 'factory.halted', { reason: 'a | b\n# *no*' }],
        ['person/p', 'person.invited', { person: ADA, roles: ['admin'], expiresAt: 1 }],
      ]).made,
      'p.json',
      './millwright trail verify --evidence p.json --key VKEY',
    );
    expect(told).toContain('# Evidence for SOC 2: entries 1 to 2');
    expect(told).toMatch(
      /\| 1 \| 2023-11-14T22:13:20.000Z \| orchestrator \| halted the factory: a \\\| b # \\\*no\\\* \| \*\*yes\*\* \| {2}\| `[0-9a-f]{64}` \|/,
    );
    expect(told).toContain(`invited Ada (${ADA.replace('_', '\\_')}) as admin`);
    expect(told).toContain('trail verify --evidence p.json --key');
  });
});
