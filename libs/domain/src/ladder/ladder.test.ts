import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RecordedEntry, RepoName, UnitName } from '../index.ts';
import { neededFor, upperBound } from './bound.ts';
import { LADDER } from './criteria.ts';
import { judgeStep, type LadderPlace, ladderHistory } from './judge.ts';

const DAY = 86_400_000;
const NOW = 1_000 * DAY;
const PERSON = 'per_0123456789';
const shop: LadderPlace = {
  unit: 'payments' as UnitName,
  repos: ['shop' as RepoName],
  repo: 'shop' as RepoName,
};
const unit: LadderPlace = { ...shop, repos: ['shop', 'till'] as RepoName[], repo: null };

type Said = { days: number; stream: string; type: string; data: object; actor?: string };
/** Entries, each so many days before now, in the order of the trail. */
const trail = (...said: Said[]): RecordedEntry[] =>
  [...said]
    .sort((a, b) => b.days - a.days)
    .map(
      ({ days, stream, type, data, actor = 'orchestrator' }, i) =>
        ({
          envelope: { position: i + 1, stream, version: 1, type, actor, at: NOW - days * DAY },
          entry: { type, data },
        }) as unknown as RecordedEntry,
    );
const step = (days: number, to: number, repo = 'shop'): Said => ({
  ...{ days, stream: `repo/${repo}`, type: 'repo.step-set', actor: PERSON },
  data: { repo, step: to, reason: '' },
});
const attest = (days: number, more: object = {}, actor = PERSON): Said => ({
  ...{ days, stream: 'factory', type: 'ladder.attested', actor },
  data: {
    scope: { kind: 'factory' },
    criterion: 'output',
    holds: true,
    evidence: 'report 7',
    until: NOW + DAY,
    ...more,
  },
});
let made = 0;
/** A run that was reviewed, merged and released so many days ago, without a person unless told. */
function shipped(days: number, more: { repo?: string; by?: string; stays?: boolean; lead?: number } = {}) {
  const { repo = 'shop', by, stays = true, lead = 1 } = more;
  made += 1;
  const [run, ticket, release] = [`run_${made}`, `tkt_${made}`, `rel_${made}`];
  const on = (at: number, type: string, data: object, actor = 'orchestrator') => ({
    ...{ days: at, stream: `run/${run}`, type, data, actor },
  });
  const result = stays ? 'promoted' : 'rolled_back';
  const usage = { usd: 1 };
  return [
    {
      days: days + lead,
      stream: `ticket/${ticket}`,
      type: 'ticket.filed',
      data: { ticket, repo, kind: 'bug' },
    },
    on(days + lead, 'run.opened', { run, ticket, repo, deploys: true }),
    on(days + lead, 'task.changed', {}),
    on(days + lead, 'stage.opened', { role: 'review', attempt: `att_${made}` }),
    on(days + lead, 'stage.closed', { attempt: `att_${made}` }),
    ...(by === undefined ? [] : [on(days, 'gate.approved', { gate: 'gate_1' }, by)]),
    on(days, 'merge.finished', {}),
    on(days, 'release.built', { release }),
    { ...on(days, 'target.released', { release, previous: null, by: 'deploy' }), stream: `target/${repo}` },
    on(days, 'deploy.finished', { release, result }),
    on(days, 'run.closed', { end: 'done', usage }),
  ];
}
const ticketOf = ([filed]: readonly Said[]): string => String(Reflect.get(filed?.data ?? {}, 'ticket'));
const heal = (days: number, ok = true): Said => ({
  ...{ days, stream: 'target/shop', type: ok ? 'target.healed' : 'target.not-healed', data: {} },
});
const incident = (days: number, ticket: string): Said => ({
  ...{ days, stream: `ticket/${ticket}`, type: 'ticket.incident-raised' },
  data: { ticket, release: null, startedAt: NOW - days * DAY },
});
const judge = (of: number, id: string, place: LadderPlace, ...said: Said[]) => {
  const found = judgeStep(of, ladderHistory(trail(...said)), place, NOW).find((one) => one.id === id);
  if (found === undefined) throw new Error(`step ${of} has no criterion ${id}`);
  return found;
};
const times = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i));

test('the exact bound is that of the tables, and says how many more are needed', () => {
  // The rule of three, exactly: 1 - 0.05 ^ (1 / n).
  for (const n of [1, 10, 299, 3_000]) expect(upperBound(0, n)).toBeCloseTo(1 - 0.05 ** (1 / n), 9);
  // Tables of the one-sided 95 % limit: 1 of 10, 3 of 20.
  expect(upperBound(1, 10)).toBeCloseTo(0.3942, 4);
  expect(upperBound(3, 20)).toBeCloseTo(0.3437, 4);
  expect(upperBound(2, 2)).toBe(1);
  expect([neededFor(0, 0.01), neededFor(1, 0.01), neededFor(0, 0.1)]).toEqual([299, 473, 29]);
});

describe('an attestation', () => {
  test('counts where nobody said otherwise of a smaller or larger scope, while it is in force', () => {
    const output = (...said: Said[]) => judge(5, 'output', shop, ...said).state;
    const mine = { scope: { kind: 'repo', repo: 'shop' } };
    expect(output()).toBe('unknown');
    expect(output(attest(1))).toBe('met');
    expect(output(attest(1, { scope: { kind: 'repo', repo: 'till' } }))).toBe('unknown');
    expect(output(attest(1, { scope: { kind: 'unit', unit: 'payments' } }))).toBe('met');
    expect(output(attest(1), attest(1, { ...mine, holds: false }))).toBe('unmet');
    expect(output(attest(1, { holds: false }), attest(1, mine))).toBe('unmet');
    expect(output(attest(2, { holds: false }), attest(1))).toBe('met');
  });

  test('that expired is none, and brings no former one back', () => {
    const was = attest(2, { until: NOW + 9 * DAY });
    const found = judge(5, 'output', shop, was, attest(1, { until: NOW }));
    expect(found).toMatchObject({ state: 'unknown', positions: [2], attested: { by: PERSON } });
  });
});

describe('use', () => {
  const months = [5, 35, 65].flatMap((days) => shipped(days));
  test('counts from when the last repository came to the step for good, with something done each month', () => {
    const use = (place: LadderPlace, ...said: Said[]) => judge(5, 'use-5', place, ...said, ...months);
    expect(use(shop, step(90, 5))).toMatchObject({
      state: 'met',
      figure: expect.stringContaining('90 of 90'),
    });
    expect(use(shop, step(89, 5)).state).toBe('unmet');
    expect(use(shop, step(200, 5), step(80, 3), step(70, 6))).toMatchObject({
      ...{ state: 'unmet', figure: expect.stringContaining('70 of 90') },
    });
    expect(use(unit, step(200, 6), step(100, 5, 'till')).state).toBe('met');
    expect(use(unit, step(200, 6))).toMatchObject({ state: 'unmet', figure: 'below step 5: till' });
    expect(judge(5, 'use-5', shop, step(200, 5), ...shipped(5)).state).toBe('unmet');
  });

  test('ends where the factory takes the step', () => {
    const data = { repo: 'shop', kind: null, from: 6, to: 5, cause: 'stuck', release: null };
    const dropped = { days: 3, stream: 'repo/shop', type: 'autonomy.dropped', data };
    expect(judge(6, 'use-6', shop, step(400, 6), dropped, ...months).figure).toBe('below step 6: shop');
  });
});

test('an incident unmeets what none may be in, and none of nothing released is not known', () => {
  const mine = shipped(10);
  const ticket = ticketOf(mine);
  expect(judge(5, 'no-incident-5', shop, ...mine).state).toBe('met');
  expect(judge(5, 'no-incident-5', shop).state).toBe('unknown');
  expect(judge(5, 'no-incident-5', shop, ...mine, incident(9, ticket)).state).toBe('unmet');
  expect(judge(5, 'no-incident-5', shop, ...mine, incident(91, ticket)).state).toBe('met');
  const other = shipped(10, { repo: 'till' });
  const theirs = ticketOf(other);
  expect(judge(5, 'no-incident-5', shop, ...mine, ...other, incident(9, theirs)).state).toBe('met');
  expect(judge(5, 'no-incident-5', unit, ...mine, ...other, incident(9, theirs)).state).toBe('unmet');
});

test('a rate is met by what is shown for sure, unmet by its figure, and says how many are missing in between', () => {
  const healing = (n: number, failed: number) =>
    judge(6, 'self-healing', shop, ...times(n, (i) => heal(i / 10 + 1, i >= failed)));
  expect(healing(0, 0).state).toBe('unknown');
  expect(healing(298, 0)).toMatchObject({
    state: 'unknown',
    figure: '0 of 298; 1 more without a failure show it',
  });
  expect(healing(299, 0)).toMatchObject({ state: 'met', entries: 299 });
  expect(healing(299, 0).positions).toHaveLength(20);
  expect(healing(100, 1).state).toBe('unmet');
});

test('what went out without a person is wrong where it did not stay; what one approved is not counted', () => {
  const errors = (...said: Said[]) => judge(3, 'unattended-errors', shop, ...said);
  const bad = shipped(3, { stays: false });
  expect(errors(...shipped(3)).figure).toMatch(/^0 of 1;/);
  expect(errors(...shipped(3), ...bad)).toMatchObject({ state: 'unmet', figure: '1 of 2', entries: 1 });
  expect(errors(...shipped(3, { by: PERSON, stays: false })).state).toBe('unknown');
  expect(errors(...shipped(91, { stays: false })).figure).toBe('none yet');
});

test('review is active where each repository has a reviewed merge', () => {
  expect(judge(3, 'review-active', unit, ...shipped(3)).figure).toBe(
    '1 of 2 repositories; nothing was merged in till',
  );
  expect(judge(3, 'review-active', unit, ...shipped(3), ...shipped(4, { repo: 'till' })).state).toBe('met');
  const unreviewed = shipped(4, { repo: 'till' }).filter(({ type }) => !type.startsWith('stage.'));
  expect(judge(3, 'review-active', unit, ...shipped(3), ...unreviewed).state).toBe('unmet');
});

test('DORA improves where none of its figures is worse than two months before and one is better', () => {
  const month = (n: number, lead: number) => shipped(n * 30 + 5, { lead });
  const dora = (...said: Said[][]) => judge(4, 'dora-improving', shop, ...said.flat());
  expect(dora(month(2, 4), month(1, 3), month(0, 2))).toMatchObject({
    ...{ state: 'met', figure: 'better: change lead time; worse: none' },
  });
  expect(dora(month(2, 2), month(1, 3), month(0, 4)).state).toBe('unmet');
  expect(dora(month(2, 2), month(1, 2), month(0, 2)).state).toBe('unmet');
  expect(dora(month(2, 4), month(0, 2)).state).toBe('unknown');
});

test('every criterion of every step is judged, of a repository, of a unit, and of one without any', () => {
  const history = ladderHistory(trail(step(400, 7), ...shipped(5)));
  const ids = LADDER.flatMap(({ criteria }) => criteria.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
  for (const place of [shop, unit, { ...unit, repos: [] }])
    expect(LADDER.flatMap(({ step: of }) => judgeStep(of, history, place, NOW).map(({ id }) => id))).toEqual(
      ids,
    );
});

/** What may have happened, drawn. */
const happening = fc.oneof(
  fc.tuple(fc.nat(400), fc.nat(7)).map(([days, to]) => [step(days, to)]),
  fc.tuple(fc.nat(100), fc.boolean()).map(([days, stays]) => shipped(days, { stays })),
  fc.tuple(fc.nat(100), fc.boolean()).map(([days, ok]) => [heal(days, ok)]),
  fc
    .tuple(fc.nat(100), fc.boolean(), fc.constantFrom('output', 'satisfaction', 'reliability'))
    .map(([days, holds, criterion]) => [attest(days, { holds, criterion })]),
);
const all = (entries: RecordedEntry[]) => {
  const history = ladderHistory(entries);
  return LADDER.flatMap(({ step: of }) => judgeStep(of, history, shop, NOW));
};

test('the same history gives the same answer, in whatever order it is read; nothing that an agent or a runner says moves it', () => {
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 12 }),
      fc.array(happening, { maxLength: 12 }),
      fc.constantFrom('agent/implement', 'agent/plan', 'runner/1'),
      (said, theirs, actor) => {
        const entries = trail(...said.flat());
        const judged = all(entries);
        expect(all([...entries].reverse())).toEqual(judged);
        const forged = trail(...theirs.flat()).map(({ envelope, entry }) => ({
          envelope: { ...envelope, actor, position: entries.length + envelope.position },
          entry,
        })) as RecordedEntry[];
        expect(all([...entries, ...forged])).toEqual(judged);
      },
    ),
    { numRuns: 100 },
  );
});

test('the factory attests nothing, and raises no step', () => {
  const forged = [attest(1, {}, 'orchestrator'), { ...step(100, 7), actor: 'orchestrator' }];
  expect(judge(5, 'output', shop, ...forged).state).toBe('unknown');
  expect(judge(7, 'use-7', shop, ...forged).figure).toBe('below step 7: shop');
});
