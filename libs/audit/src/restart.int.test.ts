import { type Actor, streamOf } from '@millwright/domain';
import { type OwnPostgres, ownPostgres } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openPool } from './connect.ts';
import { openRunnerTrail } from './runner.ts';
import { attemptId, clock, halted, openAttempt, orchestrator, sandboxed, ticket } from './testing/trail.ts';
import { openTrail } from './trail.ts';

// Postgres crashes (an immediate stop) under everything at once, and comes back.

let db: OwnPostgres;
beforeAll(async () => {
  db = await ownPostgres();
});
afterAll(() => db.close());

test('writers, a follower and a runner survive two crashes: nothing is lost, doubled or out of order', async () => {
  const trail = openTrail({ url: db.url.orchestrator, clock });
  const runner = await openRunnerTrail({ url: db.url.runner, clock, incarnation: 'survivor' });
  await openAttempt(trail, attemptId(1));
  const claim = await runner.claim(attemptId(1));
  if (claim.kind !== 'claimed') throw new Error(claim.kind);
  let stop = false;
  let unknown = 0;

  /** Appends one after the other; where the outcome is unknown, reading tells. */
  const write = async (w: number): Promise<number> => {
    let version = 0;
    while (!stop) {
      const entries = [halted(`${w}:${version}`)];
      try {
        const result = await trail.append({
          stream: ticket(w),
          expectedVersion: version,
          actor: orchestrator,
          entries,
        });
        if (result.kind !== 'appended') throw new Error(`${result.kind} at ${version}`);
        version = result.version;
      } catch (error) {
        expect(error).toMatchObject({ disposition: 'retryable' });
        unknown += 1;
        for (let read = null; read === null; await clock.sleep(20)) {
          read = await trail.read(ticket(w)).catch(() => null);
          version = read?.length ?? version;
        }
      }
    }
    return version;
  };
  const seen: number[] = [];
  const end = new AbortController();
  const follow = async () => {
    while (!end.signal.aborted) {
      try {
        for await (const batch of trail.follow({ after: seen.at(-1) ?? 0, signal: end.signal }))
          seen.push(...batch.map((r) => r.envelope.position));
      } catch (error) {
        expect(error).toMatchObject({ disposition: 'retryable' });
        await clock.sleep(50);
      }
    }
  };

  const writers = [1, 2, 3, 4].map(write);
  const following = follow();
  for (let crash = 0; crash < 2; crash++) {
    await clock.sleep(300);
    await db.restart('immediate');
  }
  await clock.sleep(300);
  stop = true;
  const versions = await Promise.all(writers);
  expect(unknown).toBeGreaterThan(0);

  for (const [i, version] of versions.entries()) {
    const read = await trail.read(ticket(i + 1));
    expect(read.map((r) => r.entry)).toEqual(
      Array.from({ length: version }, (_, n) => halted(`${i + 1}:${n}`)),
    );
  }
  const head = await trail.head();
  for (let tries = 0; tries < 1_000 && (seen.at(-1) ?? 0) < head; tries++) await clock.sleep(50);
  end.abort();
  await following;
  expect(seen).toEqual(Array.from({ length: head }, (_, n) => n + 1));

  // The runner's session was cut twice. It is alive again by itself, and its claim, which nobody took, still holds.
  for (let tries = 0; tries < 1_000 && !(await trail.alive(['survivor'])).has('survivor'); tries++)
    await clock.sleep(50);
  const stream = runner.stream(claim);
  const append = () => stream.append('runner/survivor' as Actor, [sandboxed('c')]);
  expect(await append().catch(append)).toMatchObject({ kind: 'appended', version: 3 });
  expect((await trail.read(streamOf.attempt(attemptId(1)))).length).toBe(3);
  await Promise.all([runner.close(), trail.close()]);
});

test('a database that hangs is away within seconds, however often it is asked; what is only slow is waited for', async () => {
  const trail = openTrail({ url: db.url.orchestrator, clock });
  const pool = openPool(db.url.orchestrator, { max: 1, deadlineMs: 60_000 });
  const append = (version: number) =>
    trail.append({
      stream: ticket(900),
      expectedVersion: version,
      actor: orchestrator,
      entries: [halted('hang')],
    });
  expect(await append(0)).toMatchObject({ kind: 'appended' });
  // Longer than it takes to find out that a database hangs.
  const slow = pool.use((sql) => sql`select 'slept' as said from pg_sleep(9)`);
  expect(await slow).toMatchObject([{ said: 'slept' }]);
  const hanging = pool.use((sql) => sql`select 'slept' as said from pg_sleep(9)`);
  await clock.sleep(100);
  db.pause();
  const away = { code: 'trail-unreachable', disposition: 'retryable' };
  await Promise.all([
    expect(hanging).rejects.toMatchObject(away),
    expect(append(1)).rejects.toMatchObject(away),
    expect(trail.read(ticket(900))).rejects.toMatchObject(away),
  ]);
  db.resume();
  // Whether the append that hung has landed is known by reading.
  const version = await vi.waitFor(async () => (await trail.read(ticket(900))).length, { timeout: 30_000 });
  expect([1, 2]).toContain(version);
  expect(await append(version)).toMatchObject({ kind: 'appended', version: version + 1 });
  await Promise.all([trail.close(), pool.close()]);
});
