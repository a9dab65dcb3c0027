import type { Explanation, Replay } from '@millwright/api';
import { Explanation as Explained, Replay as Replayed } from '@millwright/api';
import { expect, test } from 'vitest';
import { now, plainLook } from '../testing/views.ts';
import { explanationLines, replayLines } from './policy.ts';

const GATE = 'gate_mx3y9b6h1a6255bb59e6';
const RUN = 'run_0123456789abcdef';

const explanation = (more: Partial<Explanation>): Explanation =>
  Explained.parse({
    ...{ gate: GATE, run: RUN, repo: 'shop', action: 'merge', decision: 'deny', approvalsNeeded: 0 },
    ...{ reason: 'Denied', at: now, position: 77, facts: [], complete: true, notes: [], smallest: [] },
    policies: [
      { id: 'tests', effect: 'forbid', says: 'no tests passed', text: '@id("tests")\nforbid (principal);' },
    ],
    ...more,
  });

test('a decision says what would have changed it, by each of the smallest ways, within the terminal', () => {
  const lines = explanationLines(
    plainLook(80),
    explanation({
      smallest: [
        [
          { fact: 'testVerdict', is: 'failed', would: 'passed' },
          { fact: 'testOfThisTree', is: false, would: true },
        ],
        [{ fact: 'change.reasons', is: ['size'], would: [] }],
      ],
      complete: false,
    }),
    now,
  );
  expect(lines.every((line) => line.length <= 80)).toBe(true);
  const text = lines.join('\n').replaceAll(/\s+/g, ' ');
  expect(text).toContain('✖ denied merge in shop');
  expect(text).toContain('testVerdict were passed, not failed and testOfThisTree were true, not false');
  expect(text).toContain('or change.reasons were none, not size');
  expect(text).toContain('Others may do as well');
  expect(text).not.toContain('@id(');
});

test('what no policy decided has a note, and no claim of what would have changed it', () => {
  const lines = explanationLines(
    plainLook(80),
    explanation({ policies: [], notes: ['it was set up wrongly'] }),
    now,
  );
  expect(lines.at(-1)).toBe('  ! it was set up wrongly');
});

test('what would be others is counted, stricter and looser apart', () => {
  const flip = { gate: GATE, run: RUN, repo: 'shop', action: 'merge', at: now, position: 7, looser: true };
  const one = {
    ...{ ...flip, was: { decision: 'needs_approval', approvals: 1 } },
    would: { decision: 'allow', approvals: 0, policies: ['unit/late'], reason: '' },
  };
  const said = (more: Partial<Replay>) =>
    replayLines(
      plainLook(80),
      Replayed.parse({ judged: 9, untold: 0, flips: [], next: null, ...more }),
      now,
    ).join('\n');
  expect(said({})).toBe('✔ All of 9 decisions would be the same.');
  expect(said({ judged: 0, untold: 2 })).toContain('2 decisions could not be judged again');
  const flips = Replayed.shape.flips.parse(Array.from({ length: 51 }, () => one));
  expect(said({ flips })).toMatch(
    /one person {2}allow +late\n.*and 1 more.*51 of 9 decisions would be others: 0 stricter, 51 looser/s,
  );
});
