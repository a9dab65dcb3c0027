import { EventEmitter, once } from 'node:events';
import { openPool, transaction } from '@millwright/database';
import {
  type Actor,
  type AttemptId,
  type Entry,
  Fold,
  type RecordedEntry,
  type RepoName,
  type RunId,
  type StreamId,
} from '@millwright/domain';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import fc from 'fast-check';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VERSION } from './projection.ts';
import { openReadModel, type ReadModel } from './read-model.ts';
import type { TrailFilter } from './trail-page.ts';

// The projector on a real Postgres, over a trail in memory that says what a test wants.

let db: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  db = await testDatabase();
  sql = postgres(db.url.migrator, { max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  await sql.end();
  await db.close();
});

type Said = { stream: string; type: string; actor: string; at: number; data?: object };
const recorded = ({ stream, type, actor, at, data = {} }: Said, position: number): RecordedEntry => ({
  envelope: {
    ...{ v: 1, position, stream: stream as StreamId, version: 1, type, actor: actor as Actor, at },
    payloadDigest: `sha256:${'0'.repeat(64)}` as never,
  },
  entry: { type, data } as Entry,
});

/** Gives `most` entries at a time. What reads one of `broken` throws, as where an entry does not parse. */
function trailOf(said: readonly Said[], most = 1_000) {
  const all = said.map((one, at) => recorded(one, at + 1));
  const more = new EventEmitter();
  const trail = {
    broken: new Set<number>(),
    head: async () => all.length,
    readAll: async (after: number, limit: number) => {
      const batch = all.slice(after, after + Math.min(limit, most));
      if (batch.some(({ envelope }) => trail.broken.has(envelope.position)))
        throw new Error('it does not parse');
      return batch;
    },
    follow: async function* ({ after, signal }: { after: number; signal: AbortSignal }) {
      for (let at = after; !signal.aborted; ) {
        const rest = await trail.readAll(at, all.length);
        at += rest.length;
        if (rest.length > 0) yield rest;
        else await once(more, 'said', { signal }).catch(() => undefined);
      }
    },
    say: (...what: Said[]) => {
      all.push(...what.map((one, nth) => recorded(one, all.length + nth + 1)));
      more.emit('said');
    },
  };
  return trail;
}

async function reading<T>(
  trail: ReturnType<typeof trailOf>,
  work: (model: ReadModel) => Promise<T>,
): Promise<T> {
  const model = openReadModel({
    url: db.url.orchestrator,
    trail,
    onParked: () => undefined,
    onTrouble: () => undefined,
  });
  await model.start({ begin: () => undefined, drawn: () => undefined });
  try {
    return await work(model);
  } finally {
    await model.stop();
  }
}
const afresh = () => sql`select millwright.make_read_model('read', ${VERSION})`;

const opened = (run: string, repo: string): Said => ({
  ...{ stream: `run/${run}`, type: 'run.opened', actor: 'orchestrator', at: 1 },
  data: { run, repo, ticket: 'tic_b', base: { commit: '0', tree: '0' } },
});
const OPENED: Said[] = [
  opened('run_a', 'shop'),
  opened('run_b', 'bank'),
  {
    ...{ stream: 'attempt/att_a', type: 'attempt.opened', actor: 'orchestrator', at: 3 },
    data: { attempt: 'att_a', run: 'run_a' },
  },
  {
    ...{ stream: 'ticket/tic_b', type: 'ticket.filed', actor: 'per_ada', at: 4 },
    data: { ticket: 'tic_b', repo: 'bank' },
  },
];
/** Whose the entries of each stream are. */
const OWNERS: Record<string, { run: string | null; repo: string | null }> = {
  'run/run_a': { run: 'run_a', repo: 'shop' },
  'run/run_b': { run: 'run_b', repo: 'bank' },
  'attempt/att_a': { run: 'run_a', repo: 'shop' },
  'attempt/att_unknown': { run: null, repo: null },
  'ticket/tic_b': { run: null, repo: 'bank' },
  'target/shop': { run: null, repo: 'shop' },
  'repo/bank': { run: null, repo: 'bank' },
  factory: { run: null, repo: null },
};
const ACTORS = ['orchestrator', 'agent/plan', 'agent/test', 'per_ada'];
const TYPES = ['turn.asked', 'turn.lost', 'attempt.refused'];
const entry = fc.record({
  stream: fc.constantFrom(...Object.keys(OWNERS)),
  actor: fc.constantFrom(...ACTORS),
  type: fc.constantFrom(...TYPES),
  at: fc.integer({ min: 0, max: 40 }),
});
const filter = fc.record(
  {
    run: fc.constantFrom('run_a' as RunId, 'run_b' as RunId, 'run_none' as RunId),
    repo: fc.constantFrom('shop' as RepoName, 'bank' as RepoName),
    actors: fc.uniqueArray(fc.constantFrom<string>(...ACTORS, 'agent/', 'runner/'), { minLength: 1 }),
    types: fc.uniqueArray(fc.constantFrom('turn.', ...TYPES), { minLength: 1 }),
    from: fc.integer({ min: 0, max: 40 }),
    to: fc.integer({ min: 0, max: 40 }),
  },
  { requiredKeys: [] },
);
const starts = (names: readonly string[] | undefined, value: string) =>
  names === undefined || names.some((name) => (/[./]$/.test(name) ? value.startsWith(name) : value === name));
const fits = (one: Said, wanted: TrailFilter) =>
  (wanted.run === undefined || OWNERS[one.stream]?.run === wanted.run) &&
  (wanted.repo === undefined || OWNERS[one.stream]?.repo === wanted.repo) &&
  starts(wanted.actors, one.actor) &&
  starts(wanted.types, one.type) &&
  one.at >= (wanted.from ?? 0) &&
  one.at < (wanted.to ?? Number.POSITIVE_INFINITY);
const question = fc.tuple(
  filter,
  fc.record({
    after: fc.integer({ min: 0, max: 61 }),
    before: fc.integer({ min: 0, max: 70 }),
    limit: fc.integer({ min: 1, max: 10 }),
    newest: fc.boolean(),
  }),
);

it('finds what looking at every entry finds, whatever is asked for, in both directions', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 60 }),
      fc.array(question, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 20 }),
      async (entries, questions, most) => {
        await afresh();
        const said = [...OPENED, ...entries];
        await reading(trailOf(said, most), async (model) => {
          await model.reached(said.length);
          for (const [wanted, page] of questions) {
            const all = said
              .map((one, at) => ({ position: at + 1, ...OWNERS[one.stream], one }))
              .filter(
                ({ one, position }) => position > page.after && position < page.before && fits(one, wanted),
              )
              .map(({ one: _, ...line }) => line);
            if (page.newest) all.reverse();
            expect(await model.trailPage(wanted, page)).toEqual(all.slice(0, page.limit));
          }
        });
      },
    ),
    { numRuns: 25 },
  );
});

const many = (n: number): Said[] => [
  ...OPENED,
  ...Array.from({ length: n }, (_, at) => ({
    ...{ stream: 'attempt/att_a', type: 'turn.asked', actor: `runner/r-${at % 3}`, at: 100_000 - at },
  })),
];
const everything = { after: 0, limit: 20_000, newest: false };

it('finds a time across blocks, although the clocks of who appended do not agree', async () => {
  await afresh();
  await reading(trailOf(many(3_000)), async (model) => {
    await model.reached(3_004);
    const found = await model.trailPage({ from: 98_000, to: 98_003 }, everything);
    expect(found.map(({ position }) => 100_000 - (position - 5))).toEqual([98_002, 98_001, 98_000]);
    expect(await model.trailPage({ from: 100_001 }, everything)).toEqual([]);
    expect(await model.hasActor('runner/r-2')).toBe(true);
    expect(await model.hasActor('per_nobody')).toBe(false);
  });
});

it('goes on from its checkpoint, and makes rows of another form, or of another trail, anew', async () => {
  await afresh();
  const trail = trailOf(many(50));
  const count = async () => (await sql`select count(*)::int as n from read.trail_lines`)[0]?.n;
  await reading(trail, (model) => model.reached(54));
  // What lies before the checkpoint is not read again.
  await sql`delete from read.trail_lines where position < 10`;
  await reading(trail, (model) => model.reached(54));
  expect(await count()).toBe(45);
  await sql`update read.checkpoint set version = 0`;
  await reading(trail, (model) => model.reached(54));
  expect(await count()).toBe(54);
  // A trail that was put back from before.
  await reading(trailOf(many(20)), (model) => model.reached(24));
  expect(await count()).toBe(24);
});

it('parks what cannot be read and what the rows refuse, and a rebuild takes it in once it can', async () => {
  await afresh();
  const trail = trailOf(many(50));
  trail.broken.add(20);
  await sql`alter table read.trail_lines add constraint poisoned check (position <> 30)`;
  await reading(trail, async (model) => {
    await model.reached(54);
    expect(await model.parked()).toEqual([
      { position: 20, type: '', reason: 'it does not parse' },
      { position: 30, type: 'turn.asked', reason: expect.stringContaining('poisoned') },
    ]);
    expect(await model.trailPage({}, everything)).toHaveLength(52);
    await model.rebuild();
    expect((await model.parked()).map(({ position }) => position)).toEqual([20]);
    trail.broken.clear();
    await Promise.all([model.rebuild(), model.rebuild()]);
    expect(await model.parked()).toEqual([]);
    expect(await model.trailPage({}, everything)).toHaveLength(54);
  });
});

it.each(['while it waits for an answer', 'between two statements'])(
  'a connection lost in a transaction, %s, ends that transaction and nothing else',
  async (when) => {
    const pool = openPool('views', db.url.orchestrator, { max: 1, deadlineMs: 60_000 });
    const superuser = postgres(db.url.postgres, { max: 1 });
    const cut = pool.use((own) =>
      transaction(own, '', async (tx) => {
        const [{ pid }] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`;
        const answer = when.startsWith('while') ? tx`select pg_sleep(60)` : null;
        await Promise.all([answer, superuser`select pg_terminate_backend(${pid})`]);
        // Whoever goes on as if nothing was, after the socket is closed.
        await new Promise((resolve) => setTimeout(resolve, 200));
        await tx`select 1`;
      }),
    );
    await expect(cut).rejects.toMatchObject({ code: 'views-unreachable' });
    // Time for what would have been sent to a socket that is not there.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await pool.use((own) => own`select 1 as one`)).toMatchObject([{ one: 1 }]);
    await Promise.all([pool.close(), superuser.end()]);
  },
);

const NOTHING: Said = { stream: 'factory', type: 'turn.lost', actor: 'orchestrator', at: 9 };

it('tells of every entry once and in order, with what is so of it, also where the answer of a transaction was lost', async () => {
  await afresh();
  const trail = trailOf(OPENED, 2);
  const heard: number[] = [];
  const open = { fold: new Fold(), begun: 0 };
  const model = openReadModel({
    url: db.url.orchestrator,
    trail,
    onParked: () => undefined,
    onTrouble: () => undefined,
  });
  await model.start({
    begin: (fold, position) => {
      Object.assign(open, { fold, begun: position });
    },
    drawn: ({ entries, about }) => {
      about.into(open.fold);
      heard.push(...entries.map(({ envelope }) => envelope.position));
      if (entries.some(({ entry: { type } }) => type === 'run.closed'))
        expect(about.fold.runs.get('run_a' as RunId)?.closedAt).toBe(9);
    },
  });
  try {
    expect([open.begun, [...open.fold.runs.keys()]]).toEqual([4, ['run_a', 'run_b']]);
    const closed = { end: 'done', reason: '' };
    trail.say(
      { stream: 'run/run_a', type: 'run.closed', actor: 'orchestrator', at: 9, data: closed },
      NOTHING,
    );
    await model.reached(6);
    // As if the connection ended after a commit: the rows have come further than it knows.
    await sql`update read.checkpoint set position = 7`;
    trail.say(NOTHING);
    await model.reached(7);
    expect(heard).toEqual([5, 6, 7]);
    // As if the database had crashed: what was not flushed of the rows is gone, and folded in again.
    await sql`update read.checkpoint set position = 5`;
    trail.say(NOTHING);
    await model.reached(8);
    expect(heard).toEqual([5, 6, 7, 8]);
    expect([...open.fold.runs.keys()]).toEqual(['run_b']);
    expect((await model.rows('all')).fold.runs.size).toBe(2);
    await model.add(open.fold, { attempts: ['att_a' as AttemptId] });
    expect([...open.fold.runs.keys()]).toEqual(['run_b', 'run_a']);
    expect([...open.fold.attempts.keys()]).toEqual(['att_a']);
  } finally {
    await model.stop();
  }
});

it('a rebuild waits for who reads the rows, and what comes meanwhile is folded in', async () => {
  await afresh();
  const trail = trailOf(OPENED);
  await reading(trail, async (model) => {
    await model.reached(OPENED.length);
    const reader = postgres(db.url.orchestrator, { max: 1 });
    let rebuilt: Promise<void> | undefined;
    await reader.begin(async (tx) => {
      await tx`select from read.runs`;
      rebuilt = model.rebuild();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      trail.say(NOTHING);
      await model.reached(OPENED.length + 1);
      expect(model.state().rebuilding).not.toBeNull();
    });
    await rebuilt;
    await reader.end();
    expect(model.state()).toMatchObject({ position: OPENED.length + 1, rebuilding: null, failed: null });
  });
});
