import type { Append, AppendResult } from '@millwright/domain';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import fc from 'fast-check';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clock, halted, orchestrator, sandboxed, ticket } from './testing/trail.ts';
import { openTrail, type WritableTrail } from './trail.ts';

let db: TestDatabase;
let trail: WritableTrail;
beforeAll(async () => {
  db = await testDatabase();
  trail = openTrail({ url: db.url.orchestrator, clock });
});
afterAll(async () => {
  await trail.close();
  await db.close();
});

/** What a trail is, in ten lines: the same appends one after the other on a map of versions. */
function model(
  head: number,
  versions: Map<string, number>,
  { stream, expectedVersion, entries }: Append,
): AppendResult {
  const actualVersion = versions.get(stream) ?? 0;
  if (actualVersion !== expectedVersion) return { kind: 'conflict', actualVersion };
  const version = actualVersion + entries.length;
  versions.set(stream, version);
  return { kind: 'appended', version, position: head + entries.length };
}

test('any mixture of appends, grouped as it happens, is what they would be one after the other', async () => {
  const versions = new Map<string, number>();
  let head = 0;
  const to = (stream: fc.Arbitrary<number>) =>
    fc.record({
      stream: stream.map(ticket),
      ahead: fc.integer({ min: -1, max: 2 }),
      entries: fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 1, maxLength: 5 }),
    });
  const few = fc.array(to(fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 300 }); // more than one group holds
  // Each to a stream of its own: the database then does a group in one statement.
  const many = fc.uniqueArray(to(fc.integer({ min: 1_000, max: 1_400 })), {
    selector: ({ stream }) => stream,
    minLength: 1,
    maxLength: 300,
    size: 'max',
  });
  const burst = fc.oneof(few, many);
  await fc.assert(
    fc.asyncProperty(burst, async (wanted) => {
      const before = head;
      const expected: AppendResult[] = [];
      const planned = new Map(versions);
      const appends = wanted.map(({ stream, ahead, entries }): Append => {
        // Half of them right where everything before succeeds, the rest off by one or two.
        const guess = Math.max(0, (planned.get(stream) ?? 0) + Math.min(ahead, 0));
        const append = { stream, expectedVersion: guess, actor: orchestrator, entries: entries.map(halted) };
        const result = model(head, versions, append);
        planned.set(stream, versions.get(stream) ?? 0);
        if (result.kind === 'appended') head = result.position;
        expected.push(result);
        return append;
      });
      expect(await Promise.all(appends.map((append) => trail.append(append)))).toEqual(expected);
      const read = await trail.readAll(before, 10_000);
      expect(read).toHaveLength(head - before);
      const said = appends
        .filter((_, i) => expected[i]?.kind === 'appended')
        .flatMap((append) => append.entries);
      const kept = said.map((entry) =>
        entry.type === 'factory.halted' ? halted(entry.data.reason.toWellFormed()) : entry,
      );
      expect(read.map((r) => r.entry)).toEqual(kept);
    }),
    { numRuns: 30 },
  );
  expect(await trail.head()).toBe(head);
  for (const [stream, version] of versions)
    expect((await trail.read(ticket(Number(stream.slice(-4))))).length).toBe(version);
});

test('one that is refused fails alone, and what follows another of its group to the same stream finds it there', async () => {
  const append = (stream: number, expectedVersion = 0) =>
    trail.append({ stream: ticket(stream), expectedVersion, actor: orchestrator, entries: [halted('one')] });
  // Enough to be in several groups, two of them under way at once. Entry 10 is a runner's to say: the database refuses its whole group.
  const asked = Array.from({ length: 300 }, (_, n) => {
    if (n === 10)
      return trail.append({
        stream: ticket(2_010),
        expectedVersion: 0,
        actor: orchestrator,
        entries: [sandboxed('x')],
      });
    return n === 100 ? append(2_060, 1) : append(2_000 + n);
  });
  const settled = await Promise.allSettled(asked);
  for (const [n, one] of settled.entries())
    expect(one).toMatchObject(
      n === 10
        ? { status: 'rejected', reason: { code: 'trail-forbidden' } }
        : { status: 'fulfilled', value: { kind: 'appended', version: n === 100 ? 2 : 1 } },
    );
});

test('after every connection was cut, the outcome is unknown at worst, reading tells, and appends go on', async () => {
  const stream = ticket(100);
  const cut = postgres(db.url.postgres, { max: 1 });
  let version = 0;
  for (let n = 0; n < 10; n++) {
    const append = { stream, expectedVersion: version, actor: orchestrator, entries: [halted(`n${n}`)] };
    const appending = trail.append(append).catch((error) => error);
    await cut`select pg_terminate_backend(pid) from pg_stat_activity
      where usename = 'orchestrator' and datname = current_database()`;
    const result = await appending;
    if (result.kind !== 'appended')
      expect(result).toMatchObject({ disposition: 'retryable', code: 'trail-unreachable' });
    const read = await trail.read(stream);
    expect(read.length).toBeLessThanOrEqual(version + 1);
    if (result.kind === 'appended') expect(read.length).toBe(version + 1);
    version = read.length;
  }
  await cut.end();
  expect(
    await trail.append({ stream, expectedVersion: version, actor: orchestrator, entries: [halted('end')] }),
  ).toMatchObject({
    kind: 'appended',
  });
});

test('what an append reads does not grow with the trail, in a new database too', async () => {
  const fresh = await testDatabase();
  const writer = openTrail({ url: fresh.url.orchestrator, clock });
  const count = 300;
  for (let n = 0; n < count; n += 1)
    await writer.append({
      stream: ticket(n),
      expectedVersion: 0,
      actor: orchestrator,
      entries: [halted('one')],
    });
  await writer.close(); // a session's counts are told when it ends
  const sql = postgres(fresh.url.postgres, { max: 1 });
  const counted = async () => {
    const [row] = await sql<[{ added: string; read: string }]>`
      select n_tup_ins as added, seq_tup_read as read from pg_stat_user_tables where relname = 'entries'`;
    return { added: Number(row.added), read: Number(row.read) };
  };
  await expect.poll(async () => (await counted()).added).toBe(count);
  expect((await counted()).read).toBeLessThan(count); // from end to end each time: 90,000
  await sql.end();
  await fresh.close();
});

describe('a row that is none', () => {
  const entry = {
    position: 900_001,
    stream: 'factory',
    version: 900_001,
    type: 'factory.halted',
    actor: 'orchestrator',
    at: 1,
    payload_digest: Buffer.alloc(32),
  };
  const payload = {
    position: 900_001,
    salt: Buffer.alloc(16),
    bytes: Buffer.alloc(2),
    words_salt: Buffer.alloc(16),
    words: Buffer.alloc(0),
  };
  /** As the owner of the tables, who needs no function for it. What is taken is rolled back. */
  async function inserted(table: string, row: Record<string, unknown>): Promise<string> {
    const sql = postgres(db.url.migrator, { max: 1, onnotice: () => undefined });
    try {
      await sql.begin(async (tx) => {
        await tx`insert into millwright.${tx(table)} ${tx(row)}`;
        throw new Error('taken');
      });
      return 'never';
    } catch (error) {
      return error instanceof postgres.PostgresError ? error.code : (error as Error).message;
    } finally {
      await sql.end();
    }
  }

  test.each<[string, Record<string, unknown>, string]>([
    ['entries', {}, 'taken'],
    ['entries', { position: 0 }, '23514'],
    ['entries', { stream: 'runs/x' }, '23514'],
    ['entries', { version: 0 }, '23514'],
    ['entries', { type: 'halted' }, '23514'],
    ['entries', { actor: 'root' }, '23514'],
    ['entries', { actor: 'schedule/nightly' }, 'taken'],
    ['entries', { actor: 'integration/github/7' }, 'taken'],
    ['entries', { actor: 'integration/github' }, '23514'],
    ['entries', { at: -1 }, '23514'],
    ['entries', { payload_digest: Buffer.alloc(31) }, '23514'],
    ['entries', { stream: null }, '23502'],
    ['payloads', {}, 'taken'],
    ['payloads', { salt: Buffer.alloc(17) }, '23514'],
    ['payloads', { bytes: Buffer.alloc(4_194_305) }, '23514'],
    ['payloads', { words_salt: Buffer.alloc(15) }, '23514'],
    ['payloads', { words: Buffer.alloc(4_194_305) }, '23514'],
    ['payloads', { words: null }, '23514'],
    ['payloads', { words_salt: null }, '23514'],
    ['payloads', { bytes: null }, '23502'],
  ])('of %s is not taken, whoever inserts it: %o', async (table, change, code) => {
    expect(await inserted(table, { ...(table === 'entries' ? entry : payload), ...change })).toBe(code);
  });
});

describe('of a call that none of ours makes, nothing is stored', () => {
  type Call = {
    streams: string[];
    versions: number[];
    actor: string;
    type: string;
    salts: number;
    ends: number[];
    wordsEnds: number[];
  };
  const two: Call = {
    streams: [ticket(3_001), ticket(3_002)],
    versions: [1, 1],
    actor: 'orchestrator',
    type: 'factory.halted',
    salts: 64,
    ends: [2, 4],
    wordsEnds: [0, 0],
  };
  async function call(c: Call): Promise<string> {
    const sql = postgres(db.url.orchestrator, { max: 1, onnotice: () => undefined });
    try {
      await sql`select * from millwright.trail_append(${c.streams}::text[], ${c.versions}::integer[],
        ${c.streams.map(() => c.actor)}::text[], ${c.streams.map(() => 1)}::bigint[], ${c.streams.map(() => c.type)}::text[],
        ${Buffer.alloc(c.salts)}, ${c.ends}::integer[], '{}{}', ${c.wordsEnds}::integer[], '')`;
      return 'done';
    } catch (error) {
      return error instanceof postgres.PostgresError ? error.code : String(error);
    } finally {
      await sql.end();
    }
  }

  const many = Array.from({ length: 201 }, (_, i) => i + 1);
  test.each<[string, Partial<Call>, string]>([
    ['a salt too few', { salts: 32 }, '22023'],
    ['bytes that belong to none', { ends: [2, 3] }, '22023'],
    ['bytes twice', { ends: [5, 4] }, '22011'],
    ['words that are not there', { wordsEnds: [0, 1] }, '22023'],
    ['an end too few', { ends: [4] }, '22023'],
    ['a version too few', { versions: [1] }, '22023'],
    ['no entry', { streams: [], versions: [], salts: 0, ends: [], wordsEnds: [] }, '22023'],
    ['a version left out', { streams: [ticket(3_001), ticket(3_001)], versions: [1, 3] }, '22023'],
    [
      'a stream twice',
      {
        streams: [ticket(3_001), ticket(3_002), ticket(3_001)],
        versions: [1, 1, 1],
        salts: 96,
        ends: [2, 4, 4],
        wordsEnds: [0, 0, 0],
      },
      '23505',
    ],
    [
      'more than 200 entries',
      {
        streams: many.map(() => ticket(3_001)),
        versions: many,
        salts: 32 * 201,
        ends: many.map(() => 4),
        wordsEnds: many.map(() => 0),
      },
      '22023',
    ],
    ...[
      'run',
      'run/',
      'runs/x',
      'run/a/b',
      'run/A',
      'run/ä',
      ' run/a',
      'factory/',
      'Factory',
      '',
      `run/${'a'.repeat(65)}`,
    ].map((stream): [string, Partial<Call>, string] => [
      `the stream '${stream}'`,
      { streams: [ticket(3_001), stream] },
      '23514',
    ]),
    ...[
      '',
      'root',
      'per_a',
      'per_aaaaaaaA',
      'agent/',
      'agent/x1',
      'runner/',
      'runner/a b',
      'orchestrators',
      `per_${'a'.repeat(33)}`,
    ].map((actor): [string, Partial<Call>, string] => [`the actor '${actor}'`, { actor }, '23514']),
    ['a type that is none', { type: 'halted' }, '23514'],
  ])('%s', async (_, change, code) => {
    const before = await trail.head();
    expect(await call({ ...two, ...change })).toBe(code);
    expect(await trail.head()).toBe(before);
  });
  test('and of one like ours, all is', async () => {
    const before = await trail.head();
    expect(await call({ ...two, actor: `per_${'a'.repeat(32)}` })).toBe('done');
    expect(await trail.head()).toBe(before + 2);
  });
});
