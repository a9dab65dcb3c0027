import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attemptDecider } from './attempt.ts';
import { type Decider, decideAll } from './decider.ts';
import type { AttemptEntry } from './entries/attempt.ts';
import type { FactoryEntry } from './entries/factory.ts';
import type { Entry, EntryOf } from './entries/index.ts';
import type { PersonEntry } from './entries/person.ts';
import type { RepositoryEntry } from './entries/repository.ts';
import type { TargetEntry } from './entries/target.ts';
import type { TicketEntry } from './entries/ticket.ts';
import type { UnitEntry } from './entries/unit.ts';
import { factoryDecider } from './factory.ts';
import { inForceHalts, nameOfScope } from './halt.ts';
import { FIRST_ADMIN, grantsOf, personDecider } from './person.ts';
import { repositoryDecider, stepFor } from './repository/index.ts';
import { targetDecider } from './target/index.ts';
import { ticketDecider } from './ticket.ts';
import { DEFAULT_UNIT, unitDecider } from './unit.ts';

// Whatever is asked for, and in whatever order: what each stream then has is right, read off its entries alone.

type Said = { actor: string; at: number };

/** What is on the stream after all of `commands`, each of which is recorded or refused. */
function drive<S, E extends Entry>(
  decider: Decider<S, E>,
  commands: readonly E[],
  by: (record: E) => string = () => 'orchestrator',
) {
  let state = decider.initialState();
  const entries: Entry[] = [];
  const said: Said[] = [];
  for (const [at, record] of commands.entries()) {
    const who = { actor: by(record), at } as never;
    const decided = decideAll(decider, [record], who, state);
    if (decided.kind === 'rejected') {
      expect(decided.reason).not.toBe('');
      continue;
    }
    state = decided.state;
    entries.push(...decided.entries);
    said.push(...decided.entries.map(() => who));
  }
  const replayed = entries.reduce(
    (now, entry, i) => decider.evolve(now, entry, said[i] as never),
    decider.initialState(),
  );
  expect(replayed).toEqual(state);
  return { entries, state };
}

const some = <E>(...each: fc.Arbitrary<E>[]) => fc.array(fc.oneof(...each), { maxLength: 40 });
const is = <T>(value: T) => fc.constant(value);
const reason = 'because';

describe('a ticket', () => {
  const ticket = 'tkt_00000001' as never;
  const run = fc.constantFrom('run_a', 'run_b', 'run_c') as fc.Arbitrary<never>;
  const commands = some<TicketEntry>(
    is({
      type: 'ticket.filed',
      data: { ticket, repo: 'shop', digest: 'd', kind: 'feature', key: null },
    } as never),
    is({ type: 'ticket.incident-raised', data: { ticket, fingerprint: 'f', release: null, startedAt: 1 } }),
    is({
      type: 'ticket.incident-answered',
      data: { ticket, release: null, answer: 'not_rolled_back', reason },
    }),
    fc.constantFrom('1', '2').map((id) => ({
      type: 'ticket.linked',
      data: { ticket, kind: 'github', url: 'https://example.org/1', id },
    })),
    run.map((run) => ({ type: 'ticket.run-opened', data: { ticket, run } })),
    fc
      .tuple(run, fc.boolean())
      .map(([run, again]) => ({ type: 'ticket.answered', data: { ticket, run, text: 't', again } })),
    fc
      .tuple(run, fc.constantFrom('done', 'failed') as fc.Arbitrary<'done' | 'failed'>)
      .map(([run, end]) => ({ type: 'ticket.closed', data: { ticket, run, end, reason } })),
    run.map((run) => ({ type: 'ticket.reopened', data: { ticket, run, evidence: 'e' } })),
  );

  test('is filed once, has one run at work, and nothing after it is done', () => {
    fc.assert(
      fc.property(commands, (all) => {
        const { entries } = drive(ticketDecider, all);
        let atWork: string | null = null;
        let [filed, done, raised, answered] = [0, false, 0, 0];
        const over = new Set<string>();
        for (const { type, data } of entries as TicketEntry[]) {
          // What it is elsewhere can be said at any time.
          if (type === 'ticket.linked') continue;
          expect(done).toBe(false);
          if (type === 'ticket.filed') filed += 1;
          else expect(filed).toBe(1);
          if (type === 'ticket.incident-raised') raised += 1;
          if (type === 'ticket.incident-answered') answered += 1;
          if (type === 'ticket.run-opened') {
            expect(atWork).toBeNull();
            // No run of an incident begins before its first answer.
            expect(answered).toBe(raised);
            atWork = data.run;
          }
          if (type === 'ticket.closed' || type === 'ticket.reopened') {
            expect(data.run).toBe(atWork);
            over.add(data.run);
            atWork = null;
          }
          if (type === 'ticket.closed') done = data.end === 'done';
          if (type === 'ticket.answered') {
            // What starts another run is said to.
            expect(data.again).toBe(atWork === null);
            expect(atWork ?? [...over].at(-1)).toBeDefined();
          }
        }
        const links = (entries as TicketEntry[]).flatMap((one) =>
          one.type === 'ticket.linked' ? [one.data.id] : [],
        );
        expect(new Set(links).size).toBe(links.length);
        expect(raised).toBeLessThan(2);
        expect(answered).toBeLessThanOrEqual(raised);
      }),
      { numRuns: 2_000 },
    );
  });

  test('whose run is over is not answered by mistake', () => {
    const { state } = drive(ticketDecider, [
      {
        type: 'ticket.filed',
        data: { ticket, repo: 'shop', digest: 'd', kind: 'feature', key: null },
      } as never,
      { type: 'ticket.run-opened', data: { ticket, run: 'run_a' as never } },
      { type: 'ticket.closed', data: { ticket, run: 'run_a' as never, end: 'failed', reason } },
    ]);
    const answer = (again: boolean): EntryOf<'ticket.answered'> => ({
      type: 'ticket.answered',
      data: { ticket, run: 'run_a' as never, text: 't', again },
    });
    const said = { actor: 'per_00000001', at: 1 } as never;
    expect(decideAll(ticketDecider, [answer(false)], said, state)).toMatchObject({
      kind: 'rejected',
      code: 'no-question',
      reason: expect.stringContaining('paid for'),
    });
    expect(decideAll(ticketDecider, [answer(true)], said, state)).toMatchObject({
      kind: 'accepted',
      state: { is: 'open' },
    });
  });
});

describe('a person', () => {
  const person = 'per_00000001' as never;
  const other = 'per_00000002';
  const commands = fc.array(
    fc.tuple(
      fc.oneof(
        is({ type: 'person.invited' as const, data: { person, roles: ['author' as const], expiresAt: 9 } }),
        is({ type: 'person.accepted' as const, data: { person } }),
        is({ type: 'person.rotated' as const, data: { person, expiresAt: 9 } }),
        is({ type: 'person.rotated' as const, data: { person, expiresAt: null } }),
        is({ type: 'person.erased' as const, data: { person, reason } }),
      ),
      fc.constantFrom<string>(person, other),
    ),
    { maxLength: 40 },
  );

  test('is invited once, rotates a token that is their own, and is gone once erased', () => {
    fc.assert(
      fc.property(commands, (all) => {
        const by = new Map<Entry, string>();
        const copies = all.map(([record, who]) => {
          const copy: PersonEntry = { ...record };
          by.set(copy, who);
          return copy;
        });
        const { entries, state } = drive(personDecider, copies, (record) => by.get(record) ?? '');
        for (const [i, entry] of entries.entries()) {
          expect(entry.type === 'person.invited').toBe(i === 0);
          if (entry.type === 'person.rotated')
            expect(entry.data.expiresAt === null).toBe(by.get(entry) === person);
          if (entry.type === 'person.erased') expect(i).toBe(entries.length - 1);
        }
        if (entries.at(-1)?.type === 'person.erased')
          expect(state).toMatchObject({ is: 'erased', grants: [] });
      }),
      { numRuns: 2_000 },
    );
  });

  const scope = fc.constantFrom(
    { kind: 'factory' as const },
    { kind: 'unit' as const, unit: 'payments' as never },
    { kind: 'repo' as const, repo: 'shop' as never },
  );
  const role = fc.constantFrom('admin' as const, 'author' as const, 'approver' as const);
  const given = fc.oneof(
    fc.tuple(role, scope).map(([role, scope]) => ({
      type: 'person.invited' as const,
      data: { person, roles: [role], scope, expiresAt: 9 },
    })),
    ...(['person.granted', 'person.revoked'] as const).map((type) =>
      fc
        .tuple(role, scope)
        .map(([role, scope]) => ({ type, data: { person, role, scope, reason } }) as PersonEntry),
    ),
  );

  test('has each role once where it was granted, until it is revoked there, and grants themselves none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(given, fc.constantFrom<string>(person, other)), { maxLength: 40 }),
        (all) => {
          const by = new Map<Entry, string>(all.map(([record, who]) => [{ ...record } as Entry, who]));
          const { entries, state } = drive(
            personDecider,
            [...by.keys()] as PersonEntry[],
            (one) => by.get(one) ?? '',
          );
          const has = new Set<string>();
          for (const entry of entries as PersonEntry[]) {
            if (entry.type === 'person.invited')
              has.add(JSON.stringify({ role: entry.data.roles[0], scope: entry.data.scope }));
            if (entry.type !== 'person.granted' && entry.type !== 'person.revoked') continue;
            const grant = JSON.stringify({ role: entry.data.role, scope: entry.data.scope });
            expect(has.has(grant)).toBe(entry.type === 'person.revoked');
            if (entry.type === 'person.granted') expect(by.get(entry)).toBe(other);
            if (entry.type === 'person.granted') has.add(grant);
            else has.delete(grant);
          }
          expect(new Set(grantsOf(person, state).map((one) => JSON.stringify(one)))).toEqual(has);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('who is the first administrator is not rotated, nor erased, and is given and loses no role', () => {
    const role = { role: 'approver', scope: { kind: 'factory' }, reason } as const;
    const said = { actor: FIRST_ADMIN, at: 1 } as never;
    for (const record of [
      { type: 'person.rotated', data: { person: FIRST_ADMIN, expiresAt: null } } as const,
      { type: 'person.erased', data: { person: FIRST_ADMIN, reason } } as const,
      { type: 'person.granted', data: { person: FIRST_ADMIN, ...role } } as const,
      { type: 'person.revoked', data: { person: FIRST_ADMIN, ...role } } as const,
    ])
      expect(decideAll(personDecider, [record], said, { kind: 'none' })).toMatchObject({ code: 'is-admin' });
  });
});

describe('the factory', () => {
  const scope = fc.constantFrom(
    undefined,
    { kind: 'factory' as const },
    { kind: 'unit' as const, unit: 'shop' as never },
    { kind: 'repo' as const, repo: 'shop' as never },
    { kind: 'action' as const, action: 'merge' as const },
  );
  const data = scope.map((scope) => (scope === undefined ? { reason } : { scope, reason }));
  const commands = some<FactoryEntry>(
    data.map((data) => ({ type: 'factory.halted' as const, data })),
    data.map((data) => ({ type: 'factory.resumed' as const, data })),
  );

  test('has a halt of a scope once for who says it and why, and lifts only what is halted', () => {
    fc.assert(
      fc.property(commands, (all) => {
        const { entries, state } = drive(factoryDecider, all);
        const halted = new Set<string>();
        for (const entry of entries) {
          if (entry.type !== 'factory.halted' && entry.type !== 'factory.resumed') continue;
          const name = nameOfScope(entry.data.scope ?? { kind: 'factory' });
          expect(halted.has(name)).toBe(entry.type === 'factory.resumed');
          if (entry.type === 'factory.resumed') halted.delete(name);
          else halted.add(name);
        }
        expect(new Set(inForceHalts(state.halts).map((one) => nameOfScope(one.scope)))).toEqual(halted);
      }),
      { numRuns: 2_000 },
    );
  });

  test('asks which of several halts is meant, and names the command', () => {
    const of = (kind: 'merge' | 'deploy') =>
      ({ type: 'factory.halted', data: { scope: { kind: 'action', action: kind }, reason } }) as const;
    const resumed = { type: 'factory.resumed', data: { reason } } as const;
    const { entries } = drive(factoryDecider, [resumed, of('merge'), of('deploy'), resumed]);
    expect(entries).toEqual([of('merge'), of('deploy')]);
    const { state } = drive(factoryDecider, [of('merge'), of('deploy')]);
    expect(decideAll(factoryDecider, [resumed], { actor: 'a', at: 1 } as never, state)).toMatchObject({
      code: 'not-halted',
      reason: 'more than one halt is in force, say which to lift: every merge, every deploy',
    });
  });
});

describe('a repository', () => {
  const repo = 'shop' as never;
  const kind = fc.constantFrom('feature', 'bug') as fc.Arbitrary<never>;
  const step = fc.integer({ min: 0, max: 7 });
  const release = fc.constantFrom('rel_a', 'rel_b') as fc.Arbitrary<never>;
  const commands = some<RepositoryEntry>(
    is({ type: 'repo.added', data: { repo, url: 'u', branch: 'main', deliver: 'merge' } }),
    step.map((step) => ({ type: 'repo.step-set', data: { repo, step, reason } })),
    fc
      .tuple(step, kind)
      .map(([step, kind]) => ({ type: 'repo.step-set', data: { repo, step, kind, reason } })),
    fc.tuple(kind, step, release).map(([kind, from, release]) => ({
      type: 'autonomy.dropped',
      data: { repo, kind, from, to: from - 1, cause: 'rolled_back', release },
    })),
    step.map((from) => ({
      type: 'autonomy.dropped',
      data: { repo, kind: null, from, to: 5, cause: 'stuck', release: null },
    })),
    fc
      .constantFrom('default', 'payments')
      .map((unit) => ({ type: 'repo.moved', data: { repo, unit: unit as never, reason } })),
    kind.map((kind) => ({ type: 'autonomy.raise-proposed', data: { repo, kind, from: 1, to: 2, runs: [] } })),
  );

  test('is added once; what is lost by itself is lost once, and nothing is raised but by people', () => {
    fc.assert(
      fc.property(commands, (all) => {
        const { entries } = drive(repositoryDecider, all);
        let state = repositoryDecider.initialState();
        for (const [i, entry] of entries.entries()) {
          expect(entry.type === 'repo.added').toBe(i === 0);
          const [before, unit] = [state.autonomy, state.unit];
          state = repositoryDecider.evolve(state, entry, { actor: 'orchestrator', at: i } as never);
          if (entry.type === 'repo.step-set') {
            if (entry.data.kind !== undefined) expect(entry.data.step).toBeLessThanOrEqual(before.step);
            continue;
          }
          if (entry.type === 'repo.moved') {
            // Said twice it is one move.
            expect(entry.data.unit).not.toBe(unit);
            expect(state.unit).toBe(entry.data.unit);
          } else expect(state.unit).toBe(unit);
          if (entry.type !== 'autonomy.dropped') continue;
          const kinds = entry.data.kind === null ? [] : [entry.data.kind];
          expect(entry.data.from).toBe(stepFor(before, kinds));
          expect(stepFor(state.autonomy, kinds)).toBe(entry.data.to);
          expect(entry.data.to).toBeLessThan(entry.data.from);
          if (entry.data.kind !== null)
            expect(before.lost.get(entry.data.kind)?.release).not.toBe(entry.data.release);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

test('a unit has the policy that was set last, the default one too, and one that is not there has none', () => {
  const set = (unit: string, policy: string | null) =>
    ({ type: 'unit.policy-set', data: { unit: unit as never, policy, reason } }) as const;
  const added = { type: 'unit.added', data: { unit: 'payments' as never, reason } } as const;
  const of = (...records: UnitEntry[]) => drive(unitDecider, records);
  const none = set('payments', null);
  expect(of(set('payments', 'p'), added, set('payments', 'p'), set('payments', 'p'), none).entries).toEqual([
    added,
    set('payments', 'p'),
    none,
  ]);
  expect(of(set(DEFAULT_UNIT, 'p')).state).toMatchObject({ policy: 'p' });
});

test('a unit is added once, and the default one by nobody', () => {
  const of = (unit: string) => ({ type: 'unit.added', data: { unit: unit as never, reason } }) as const;
  expect(drive(unitDecider, [of('payments'), of('payments')]).entries).toEqual([of('payments')]);
  const said = { actor: FIRST_ADMIN, at: 1 } as never;
  expect(decideAll(unitDecider, [of(DEFAULT_UNIT)], said, { added: false, policy: null })).toMatchObject({
    code: 'exists',
  });
});

describe('an attempt', () => {
  const commands = some<AttemptEntry>(
    is({
      type: 'attempt.opened' as const,
      data: { attempt: 'att_1', run: 'run_1', role: 'implement', spec: 'd', deadline: 1 } as never,
    }),
    is({ type: 'attempt.claimed' as const, data: { attempt: 'att_1' as never, incarnation: 'i', fence: 1 } }),
    fc
      .integer({ min: 1, max: 3 })
      .map((turn) => ({ type: 'turn.asked' as const, data: { turn, model: 'm' } })),
    fc.integer({ min: 1, max: 3 }).map((turn) => ({ type: 'turn.lost' as const, data: { turn, reason } })),
    is({ type: 'attempt.closed' as const, data: { outcome: { kind: 'cancelled' as const, reason } } }),
  );

  test('has nothing after it is closed, and an outcome for each call by then', () => {
    fc.assert(
      fc.property(commands, (all) => {
        const { entries } = drive(attemptDecider, all);
        let asked: number | null = null;
        for (const [i, entry] of entries.entries()) {
          expect(entry.type === 'attempt.opened').toBe(i === 0);
          if (entry.type === 'turn.asked') asked = entry.data.turn;
          if (entry.type === 'turn.lost') {
            expect(entry.data.turn).toBe(asked);
            asked = null;
          }
          if (entry.type !== 'attempt.closed') continue;
          expect(asked).toBeNull();
          expect(i).toBe(entries.length - 1);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a target', () => {
  const release = fc.constantFrom('rel_a', 'rel_b') as fc.Arbitrary<never>;
  const fence = fc.integer({ min: 1, max: 3 });
  const canary = fc.tuple(release, fence);
  const commands = some<TargetEntry>(
    canary.map(([release, fence]) => ({
      type: 'canary.started',
      data: { release, live: null, fence, steps: [50, 100], bake: 1 },
    })),
    canary.map(([release, fence]) => ({ type: 'canary.resumed', data: { release, fence, as: fence + 1 } })),
    canary.map(([release, fence]) => ({
      type: 'canary.asked',
      data: { release, fence, ask: 'abort', until: null, reason },
    })),
    canary.map(([release, fence]) => ({
      type: 'target.released',
      data: { release, previous: null, fence, by: 'deploy', artifact: null, reason },
    })),
    is({ type: 'target.frozen', data: { by: 'person', release: null, reason, what: '' } }),
    is({ type: 'target.thawed', data: { reason } }),
    canary.map(([release, fence]) => ({ type: 'undo.started', data: { release, live: release, fence } })),
    release.map((release) => ({
      type: 'undo.finished',
      data: { release, result: 'promoted', live: release, evidence: '' },
    })),
  );

  test('is frozen once by a person for one reason, and once more for another or by somebody else', () => {
    const freeze = (why: string): TargetEntry => ({
      type: 'target.frozen',
      data: { by: 'person', release: null, reason: why, what: '' },
    });
    const say = (who: string, why: string, state: never) =>
      decideAll(targetDecider, [freeze(why)], { actor: who, at: 1 } as never, state);
    const { state } = drive(targetDecider, [freeze('slow')]);
    expect(say('orchestrator', 'slow', state as never)).toMatchObject({ entries: [] });
    expect(say('orchestrator', 'down', state as never)).toMatchObject({ entries: [freeze('down')] });
    expect(say('per_bobbobbob', 'slow', state as never)).toMatchObject({ entries: [freeze('slow')] });
  });

  test('is thawed where it is frozen, steered where a canary is, and records a release once', () => {
    fc.assert(
      fc.property(commands, (all) => {
        const { entries, state } = drive(targetDecider, all);
        let before = targetDecider.initialState();
        for (const [i, entry] of entries.entries()) {
          if (entry.type === 'target.thawed') expect(before.frozen).not.toBeNull();
          if (entry.type === 'canary.asked')
            expect(before.canary).toMatchObject({ release: entry.data.release, fence: entry.data.fence });
          if (entry.type === 'undo.started') expect(before.undo?.kind).not.toBe('started');
          if (entry.type === 'undo.finished')
            expect(before.undo).toMatchObject({ kind: 'started', release: entry.data.release });
          before = targetDecider.evolve(before, entry, { actor: 'orchestrator', at: i } as never);
        }
        const served = state.history.map(({ release, fence }) => `${release} ${fence}`);
        expect(served.filter((one, i) => one === served[i + 1])).toEqual([]);
        // What happened is recorded, whoever has the target by then: nothing that serves is hidden.
        const last = all.findLast((one) => one.type === 'target.released');
        expect(state.live).toBe(last?.data.release ?? null);
      }),
      { numRuns: 2_000 },
    );
  });
});
