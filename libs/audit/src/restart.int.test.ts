import { type Actor, streamOf } from '@millwright/domain';
import { type OwnPostgres, ownPostgres } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
  for (let tries = 0; tries < 1_000 && !(await trail.isAlive('survivor')); tries++) await clock.sleep(50);
  const stream = runner.stream(claim);
  const append = () => stream.append('runner/survivor' as Actor, [sandboxed('c')]);
  expect(await append().catch(append)).toMatchObject({ kind: 'appended', version: 3 });
  expect((await trail.read(streamOf.attempt(attemptId(1)))).length).toBe(3);
  await Promise.all([runner.close(), trail.close()]);
});
