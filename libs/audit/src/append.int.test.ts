import type { Append, AppendResult } from '@millwright/domain';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import fc from 'fast-check';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clock, halted, orchestrator, ticket } from './testing/trail.ts';
import { type OpenTrail, openTrail } from './trail.ts';

let db: TestDatabase;
let trail: OpenTrail;
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
