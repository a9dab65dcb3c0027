import type { Append, AppendResult } from '@millwright/domain';
import { describe, expect, test } from 'vitest';
import { drive, type Mutant } from './drive.ts';
import { type Fault, type Plan, planOf } from './plan.ts';
import { cut } from './shrink.ts';
import { allHold, SEEDS } from './testing.ts';

const HALF = Math.floor(SEEDS / 2);

test(`seeds 1 to ${HALF}: nothing that has to hold breaks, and all comes to rest`, async () => {
  await allHold(1, HALF);
}, 600_000);

test('a seed is the same drive each time, entry by entry', async () => {
  for (const seed of [3, 7, 11]) {
    const plan = planOf(seed);
    const [once, again] = [await drive(plan), await drive(plan)];
    expect(again.fingerprint).toBe(once.fingerprint);
    expect(again.steps).toBe(once.steps);
  }
});

test('what a seed stands for is cut, and drawn no further', () => {
  const plan = planOf(5);
  const less = cut(plan, [0], 1);
  expect(less.faults).toEqual(plan.faults.slice(0, 1));
  expect(less.tickets).toEqual(plan.tickets.slice(0, 1));
});

type Case = { mutant: Mutant; runners?: number; faults: (nth: number) => Fault[] };

const killed = (who: 'orchestrator' | 'runner', at: number): Fault => ({
  ...{ kind: 'kill', who, nth: 0, at, ms: 400 },
});
const slow = (to: 'database' | 'target', at: number): Fault => ({
  ...{ kind: 'slow', who: 'orchestrator', nth: 0, to, times: 300, at, ms: 60_000 },
});
/** With one ticket, and what goes wrong with it: at another moment in each try. */
const MUTANTS: Record<string, Case> = {
  'the trail takes an append whatever version was expected': {
    mutant: { database: { forgetsVersions: true } },
    faults: (nth) => [slow('database', 40), killed('orchestrator', 1_000 + ((nth * 1_237) % 12_000))],
  },
  'whoever asks claims what another has': {
    mutant: { database: { dropsClaimCheck: true } },
    faults: (nth) => [{ kind: 'double-wakes', at: 50 * nth, ms: 2_000 }],
  },
  'what a former claimant says is taken': {
    mutant: { database: { takesLateAppends: true } },
    runners: 2,
    // Stopped until it counts as dead, it goes on while another is at work.
    faults: (nth) => [
      { kind: 'stop', who: 'runner', nth: 0, at: 220 + ((nth * 31) % 120), ms: 9_900 + ((nth * 53) % 700) },
    ],
  },
  'a dead runner is alive for ever': {
    mutant: { database: { neverExpires: true } },
    runners: 2,
    faults: (nth) => [killed('runner', 100 + ((nth * 97) % 1_700))],
  },
  'a target takes what comes under any fence': {
    mutant: { planted: { fence: 'ignored' } },
    // Its shift of traffic is on its way when it is killed.
    faults: (nth) => [
      slow('target', 1_500),
      {
        ...{ kind: 'kill-after', who: 'orchestrator', nth: 0, at: 0, ms: 5 + (nth % 4) },
        ...{ type: 'target.effect-started', times: 5 + (nth % 6) },
      },
    ],
  },
  'what is done is said later': {
    mutant: { planted: { append: saidLater } },
    faults: (nth) => [killed('orchestrator', 1_000 + 50 * nth)],
  },
};

/** An entry that says what is about to be done is taken for appended, and appended a moment after. */
async function saidLater(append: Append, act: () => Promise<AppendResult>): Promise<AppendResult> {
  if (append.entries[0]?.type !== 'merge.started') return act();
  setTimeout(() => void act().catch(() => undefined), 100);
  return { kind: 'appended', version: append.expectedVersion + 1, position: 0 };
}

const TRIES = 60;

describe('what is planted is found, and is not there otherwise', () => {
  for (const [name, { mutant, runners = 1, faults }] of Object.entries(MUTANTS))
    test(name, async () => {
      for (let seed = 1; seed <= TRIES; seed += 1) {
        const plan: Plan = { seed, orchestrators: 1, runners, tickets: [50], faults: faults(seed) };
        if ((await drive(plan, mutant)).broken === null) continue;
        expect((await drive(plan)).broken).toBeNull();
        return;
      }
      expect.fail(`none of ${TRIES} moments shows it`);
    });
});
