import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry } from '../entries/index.ts';
import type { RecordedEntry } from '../envelope.ts';
import { factsOf } from './facts.ts';
import { measure, quantiles, without } from './measure.ts';

const H = 3_600_000;
const DAY = { from: 0, to: 24 * H };
const usage = (usd: number) => ({
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  usd,
});

/** A trail: entries in order, each at an hour, by the factory unless told. */
function trail() {
  const entries: RecordedEntry[] = [];
  const say = (hour: number, stream: string, entry: unknown, actor = 'orchestrator') => {
    const envelope = { position: entries.length + 1, stream, version: 1, at: hour * H, actor };
    entries.push({
      envelope: { ...envelope, type: (entry as Entry).type },
      entry,
    } as unknown as RecordedEntry);
  };
  return {
    entries,
    say,
    /** A run of a ticket filed at `at`: open an hour later, changed at +2, ended at +4. */
    run(
      name: string,
      at: number,
      more: { deploys?: boolean; kind?: string; end?: string; usd?: number } = {},
    ) {
      const { deploys = true, kind = 'feature', end = 'done', usd = 1 } = more;
      const [run, ticket, release] = [`run_${name}`, `tkt_${name}`, `rel_${name}`];
      say(at, `ticket/${ticket}`, { type: 'ticket.filed', data: { ticket, repo: 'shop', kind } });
      say(at + 1, `run/${run}`, { type: 'run.opened', data: { run, ticket, repo: 'shop', deploys } });
      const attempt = `att_${name}`;
      say(at + 1, `run/${run}`, { type: 'stage.opened', data: { role: 'implement', attempt } });
      say(at + 1.5, `attempt/${attempt}`, { type: 'attempt.claimed', data: { attempt } });
      say(at + 2, `run/${run}`, { type: 'task.changed', data: {} });
      say(at + 2, `run/${run}`, { type: 'stage.closed', data: { attempt } });
      return {
        ...{ run, ticket, release },
        ship: (result: 'promoted' | 'rolled_back' = 'promoted') => {
          say(at + 3, `run/${run}`, { type: 'merge.finished', data: {} });
          if (!deploys) return;
          say(at + 3, `run/${run}`, { type: 'release.built', data: { release } });
          say(at + 3, `run/${run}`, { type: 'deploy.started', data: { release } });
          if (result === 'promoted')
            say(at + 3.5, 'target/shop', {
              type: 'target.released',
              data: { release, previous: null, by: 'deploy' },
            });
          say(at + 3.5, `run/${run}`, { type: 'deploy.finished', data: { release, result } });
        },
        close: (ended = end) =>
          say(at + 4, `run/${run}`, { type: 'run.closed', data: { end: ended, usage: usage(usd) } }),
      };
    },
  };
}

const of = (entries: readonly RecordedEntry[], period = DAY) => measure(factsOf(entries), period);

test('of nothing, every figure is of none and says so', () => {
  const none = { n: 0, p50: null, p90: null };
  const rate = { n: 0, of: 0, rate: null };
  expect(of([])).toEqual({
    ...DAY,
    deployments: { n: 0, perDay: 0 },
    ...{ changeLead: none, recovery: none },
    ...{ changeFailure: rate, rework: rate, autonomy: rate, selfHealing: rate },
    ...{ kinds: [], stages: [], bottleneck: null },
  });
  expect(of([], { from: 5, to: 5 }).deployments).toEqual({ n: 0, perDay: 0 });
});

test('what shipped, by whom, how fast, and what it cost', () => {
  const at = trail();
  const one = at.run('a', 0);
  one.ship();
  one.close();
  const two = at.run('b', 5, { deploys: false, kind: 'bug', usd: 3 });
  two.ship();
  at.say(8.5, `run/${two.run}`, { type: 'gate.approved', data: { gate: 'gate_1' } }, 'per_ann');
  two.close();
  at.run('c', 10, { kind: 'bug', end: 'failed', usd: 2 }).close();
  expect(of(at.entries)).toMatchObject({
    deployments: { n: 2, perDay: 2 },
    changeLead: { n: 2, p50: 1 * H, p90: 1.5 * H },
    changeFailure: { n: 0, of: 1, rate: 0 },
    // Neither what a person allowed, nor what came to nothing.
    autonomy: { n: 1, of: 3 },
    kinds: [
      { kind: 'bug', ended: 2, done: 1, usd: 5, usdPerDone: 5, lead: { n: 1, p50: 4 * H } },
      { kind: 'feature', ended: 1, done: 1, usd: 1, usdPerDone: 1, lead: { n: 1 } },
    ],
  });
  // The period is from its first instant on, and before its last.
  expect(of(at.entries, { from: 3.5 * H, to: 8 * H }).deployments.n).toBe(1);
  expect(of(at.entries, { from: 0, to: 3.5 * H }).deployments.n).toBe(0);
});

test('a change that did not stay was not autonomous, whenever that came out, and its deploy failed', () => {
  const at = trail();
  const [again, named, kept, left, taken] = ['a', 'b', 'c', 'd', 'e'].map((name) => at.run(name, 0));
  for (const one of [again, named, kept, left, taken]) {
    one?.ship(one === taken ? 'rolled_back' : 'promoted');
    one?.close(one === taken ? 'rolled_back' : 'done');
  }
  expect(of(at.entries)).toMatchObject({ autonomy: { n: 4, of: 5 }, changeFailure: { n: 1, of: 5 } });
  // Long after the period.
  at.say(40, 'target/shop', { type: 'rollback.asked', data: {} }, 'per_ann');
  at.say(41, 'target/shop', {
    type: 'target.released',
    data: { release: kept?.release, previous: left?.release, by: 'rollback' },
  });
  at.say(42, `ticket/${again?.ticket}`, { type: 'ticket.reopened', data: { ticket: again?.ticket } });
  at.say(43, 'ticket/tkt_z', {
    type: 'ticket.incident-raised',
    data: { ticket: 'tkt_z', release: named?.release, startedAt: 42.5 * H },
  });
  expect(of(at.entries)).toMatchObject({
    autonomy: { n: 1, of: 5, rate: 0.2 },
    changeFailure: { n: 3, of: 5 },
    // The canary: half an hour; the rollback by hand: from its asking on. The incident was not gone back from.
    recovery: { n: 2, p50: 0.5 * H, p90: 1 * H },
  });
});

test('a rollback over several leaves them all, and what it goes to has stayed', () => {
  const at = trail();
  for (const name of ['a', 'b', 'c']) {
    const one = at.run(name, 0);
    one.ship();
    one.close();
  }
  at.say(5, 'target/shop', { type: 'rollback.asked', data: {} }, 'per_ann');
  at.say(6, 'target/shop', {
    type: 'target.released',
    data: { release: 'rel_a', previous: 'rel_c', by: 'rollback' },
  });
  expect(of(at.entries)).toMatchObject({
    changeFailure: { n: 2, of: 3 },
    autonomy: { n: 1, of: 3 },
    recovery: { n: 2, p50: 1 * H },
  });
});

test('an incident’s change, and one that had shipped before, are rework', () => {
  const at = trail();
  at.run('a', 0).ship();
  at.run('b', 0, { kind: 'incident' }).ship();
  at.say(0.5, 'ticket/tkt_a', { type: 'ticket.reopened', data: { ticket: 'tkt_a' } });
  const second = at.run('c', 5);
  at.say(6, `ticket/${second.ticket}`, { type: 'ticket.reopened', data: { ticket: second.ticket } });
  second.ship();
  expect(of(at.entries).rework).toEqual({ n: 2, of: 3, rate: 2 / 3 });
});

test('where the time went: each stage waits and works, and the longest of them is the bottleneck', () => {
  const at = trail();
  const one = at.run('a', 0);
  at.say(2, `run/${one.run}`, { type: 'gate.asked', data: { gate: 'g', action: 'merge' } });
  at.say(2, `run/${one.run}`, { type: 'gate.decided', data: { gate: 'g', decision: 'needs_approval' } });
  at.say(3, `run/${one.run}`, { type: 'gate.decided', data: { gate: 'g', decision: 'allow' } });
  at.say(2.5, `run/${one.run}`, { type: 'change.queued', data: {} });
  at.say(3.5, `run/${one.run}`, { type: 'merge.started', data: {} });
  one.close();
  const { stages, bottleneck } = of(at.entries);
  expect(stages.map(({ stage, waitingMs, workingMs }) => [stage, waitingMs / H, workingMs / H])).toEqual([
    ['implement', 0.5, 0.5],
    ['merge gate', 1, 0],
    ['merge queue', 0.5, 0],
  ]);
  expect(bottleneck).toEqual({ stage: 'implement', mostly: 'waiting', share: 0.4 });
});

test('healing that worked, of what was tried', () => {
  const at = trail();
  for (const type of ['target.healed', 'target.healed', 'target.not-healed', 'target.healed'])
    at.say(1, 'target/shop', { type, data: {} });
  expect(of(at.entries).selfHealing).toEqual({ n: 3, of: 4, rate: 0.75 });
});

test('quantiles are values that were there, in order, and of none there is none', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000)), (values) => {
      const { n, p50, p90 } = quantiles(values);
      expect(n).toBe(values.length);
      if (n === 0) {
        expect([p50, p90]).toEqual([null, null]);
        return;
      }
      expect(values).toContain(p50);
      expect(values).toContain(p90);
      expect(values.filter((one) => one <= (p50 ?? 0)).length).toBeGreaterThanOrEqual(n / 2);
      expect(values.filter((one) => one <= (p90 ?? 0)).length).toBeGreaterThanOrEqual(0.9 * n);
      expect(p50).toBeLessThanOrEqual(p90 ?? 0);
    }),
  );
});

test('what is left of a span is what a count of its moments says', () => {
  const span = fc
    .tuple(fc.nat(40), fc.nat(40))
    .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
  fc.assert(
    fc.property(span, fc.array(span, { maxLength: 6 }), (one, others) => {
      let left = 0;
      for (let at = one.from; at < one.to; at += 1)
        if (!others.some(({ from, to }) => at >= from && at < to)) left += 1;
      expect(without(one, others)).toBe(left);
    }),
  );
});

test('any part of a trail, of runs that began before it too, is measured, and every rate is one', () => {
  const at = trail();
  for (const [nth, name] of ['a', 'b', 'c', 'd'].entries()) {
    const one = at.run(name, nth, { kind: nth % 2 ? 'bug' : 'feature', end: nth === 3 ? 'failed' : 'done' });
    one.ship(nth === 1 ? 'rolled_back' : 'promoted');
    one.close();
  }
  fc.assert(
    fc.property(fc.subarray(at.entries), fc.nat(30), fc.nat(30), (some, from, length) => {
      const { changeFailure, rework, autonomy, selfHealing, stages, bottleneck } = of(some, {
        from: from * H,
        to: (from + length) * H,
      });
      for (const { n, of: all, rate } of [changeFailure, rework, autonomy, selfHealing]) {
        expect(n).toBeLessThanOrEqual(all);
        expect(rate === null).toBe(all === 0);
      }
      for (const { waitingMs, workingMs } of stages)
        expect(Math.min(waitingMs, workingMs)).toBeGreaterThanOrEqual(0);
      if (bottleneck !== null) expect(bottleneck.share).toBeLessThanOrEqual(1);
    }),
  );
});
