import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Actor, type Claim, streamOf } from '@millwright/domain';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { HeldClaim } from './attempt-stream.ts';
import { openRunnerTrail, type RunnerTrail } from './runner.ts';
import { attemptId, clock, closed, digest, openAttempt, orchestrator, sandboxed } from './testing/trail.ts';
import { openTrail, type WritableTrail } from './trail.ts';

let db: TestDatabase;
let trail: WritableTrail;
const open: RunnerTrail[] = [];
beforeAll(async () => {
  db = await testDatabase();
  trail = openTrail({ url: db.url.orchestrator, clock });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((runner) => runner.close()));
});
afterAll(async () => {
  await trail.close();
  await db.close();
});

const unrecorded: string[][] = [];
const runner = async (incarnation: string) => {
  const options = { url: db.url.runner, clock, incarnation };
  const made = await openRunnerTrail({ ...options, unrecorded: (...said) => void unrecorded.push(said) });
  open.push(made);
  return made;
};
const held = (claim: Claim): HeldClaim => {
  if (claim.kind !== 'claimed') throw new Error(`expected a claim, got ${claim.kind}`);
  return claim;
};
const as = (incarnation: string) => `runner/${incarnation}` as Actor;

const dead = async (attempt: string) =>
  (await trail.deadClaims()).filter((claim) => claim.attempt === attempt);

/** Makes the database believe that a runner has hung: its last beat is long ago and it does not beat again. */
async function hang(incarnation: string): Promise<void> {
  const sql = postgres(db.url.postgres, { max: 1 });
  await sql`update millwright.heartbeats set beat_at = beat_at - interval '11 seconds' where incarnation = ${incarnation}`;
  await sql.end();
}

describe('claim', () => {
  test('one of many wins; the claim is on the trail in canonical form, with fence 1', async () => {
    await openAttempt(trail, attemptId(1));
    const runners = await Promise.all(['a-1', 'a-2', 'a-3', 'a-4'].map(runner));
    const claims = await Promise.all(runners.map((r) => r.claim(attemptId(1))));
    expect(claims.map((c) => c.kind).sort()).toEqual(['claimed', 'taken', 'taken', 'taken']);
    const winner = runners[claims.findIndex((c) => c.kind === 'claimed')];
    const [, entry] = await trail.read(streamOf.attempt(attemptId(1)));
    expect(entry?.entry).toEqual({
      type: 'attempt.claimed',
      data: { attempt: attemptId(1), incarnation: winner?.incarnation, fence: 1 },
    });
    expect(await winner?.claim(attemptId(1))).toEqual({ kind: 'taken' }); // a doubled wake-up
  });

  test('unknown before it is opened, closed after', async () => {
    const r = await runner('b-1');
    expect(await r.claim(attemptId(2))).toEqual({ kind: 'unknown' });
    await openAttempt(trail, attemptId(2));
    await r.stream(held(await r.claim(attemptId(2)))).append(as('b-1'), [closed]);
    expect(await r.claim(attemptId(2))).toEqual({ kind: 'closed' });
    expect(await dead(attemptId(2))).toEqual([]);
  });

  test('of a runner killed outright is free at once, and the next has a higher fence', async () => {
    await openAttempt(trail, attemptId(3));
    const program = `
      import { openRunnerTrail } from ${JSON.stringify(new URL('./runner.ts', import.meta.url).href)};
      const r = await openRunnerTrail({ url: ${JSON.stringify(db.url.runner)}, clock: { now: Date.now }, incarnation: 'c-killed' });
      console.log((await r.claim(${JSON.stringify(attemptId(3))})).kind);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = await once(child.stdout, 'data');
    expect(String(said)).toBe('claimed\n');
    const next = await runner('c-next');
    expect(await next.claim(attemptId(3))).toEqual({ kind: 'taken' });
    expect(await trail.alive(['c-killed'])).toContain('c-killed');

    child.kill('SIGKILL');
    await once(child, 'exit');
    for (let tries = 0; tries < 100 && (await dead(attemptId(3))).length === 0; tries++)
      await clock.sleep(10);
    expect(await dead(attemptId(3))).toEqual([{ attempt: attemptId(3), fence: 1, incarnation: 'c-killed' }]);
    expect(await next.claim(attemptId(3))).toMatchObject({ kind: 'claimed', fence: 2 });
    expect(await dead(attemptId(3))).toEqual([]);
  });

  test('can be handed back', async () => {
    await openAttempt(trail, attemptId(4));
    const [one, two] = [await runner('d-1'), await runner('d-2')];
    const stream = one.stream(held(await one.claim(attemptId(4))));
    expect(await stream.release()).toBe(true);
    expect(await dead(attemptId(4))).toMatchObject([{ attempt: attemptId(4) }]);
    expect(await two.claim(attemptId(4))).toMatchObject({ kind: 'claimed', fence: 2 });
    expect(await stream.release()).toBe(false);
  });

  test('a runner whose session the server ended is alive again, and can claim', async () => {
    await openAttempt(trail, attemptId(5));
    const r = await runner('e-1');
    const sql = postgres(db.url.postgres, { max: 1 });
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'runner' and datname = current_database()`;
    await sql.end();
    expect(await r.claim(attemptId(5)).catch(() => r.claim(attemptId(5)))).toMatchObject({ kind: 'claimed' });
    expect(await trail.alive(['e-1'])).toContain('e-1');
  });

  test('two processes cannot live under one incarnation', async () => {
    await runner('f-1');
    const sql = postgres(db.url.runner, { max: 1 });
    const [row] = await sql`select millwright.runner_heartbeat('f-1') as held`;
    await sql.end();
    expect(row).toEqual({ held: false });
  });
});

describe('append', () => {
  test('turns are appended in order and read back by the next claimant', async () => {
    await openAttempt(trail, attemptId(10));
    const [one, two] = [await runner('g-1'), await runner('g-2')];
    const stream = one.stream(held(await one.claim(attemptId(10))));
    const results = await Promise.all([1, 2, 3].map((n) => stream.append(as('g-1'), [sandboxed(`c${n}`)])));
    expect(results.map((r) => r.kind === 'appended' && r.version)).toEqual([3, 4, 5]);
    await stream.release();
    const next = two.stream(held(await two.claim(attemptId(10))));
    expect((await next.read()).map((r) => r.envelope.type)).toEqual([
      'attempt.opened',
      'attempt.claimed',
      'attempt.sandboxed',
      'attempt.sandboxed',
      'attempt.sandboxed',
      'attempt.claimed',
    ]);
    expect(await next.read(5)).toHaveLength(1);
  });

  test('a runner presumed dead and come back is refused; that is on the trail once, and the new one goes on', async () => {
    await openAttempt(trail, attemptId(11));
    const [stopped, fresh] = [await runner('h-stopped'), await runner('h-fresh')];
    const late = stopped.stream(held(await stopped.claim(attemptId(11))));
    await late.append(as('h-stopped'), [sandboxed('old')]);
    await hang('h-stopped');
    expect(await dead(attemptId(11))).toMatchObject([{ incarnation: 'h-stopped' }]);
    const now = fresh.stream(held(await fresh.claim(attemptId(11))));

    expect(await late.append(as('h-stopped'), [sandboxed('late')])).toMatchObject({ kind: 'refused' });
    expect(await late.append(as('h-stopped'), [closed])).toMatchObject({ kind: 'refused' });
    expect(await now.append(as('h-fresh'), [sandboxed('new')])).toMatchObject({
      kind: 'appended',
      version: 6,
    });
    const read = await trail.read(streamOf.attempt(attemptId(11)));
    expect(read.map((r) => `${r.envelope.type} ${r.envelope.actor}`)).toEqual([
      'attempt.opened orchestrator',
      'attempt.claimed runner/h-stopped',
      'attempt.sandboxed runner/h-stopped',
      'attempt.claimed runner/h-fresh',
      'attempt.refused runner/h-stopped',
      'attempt.sandboxed runner/h-fresh',
    ]);
  });

  test('is refused once the orchestrator closed the attempt', async () => {
    await openAttempt(trail, attemptId(12));
    const r = await runner('i-1');
    const stream = r.stream(held(await r.claim(attemptId(12))));
    const close = { stream: streamOf.attempt(attemptId(12)), actor: orchestrator, entries: [closed] };
    expect(await trail.append({ ...close, expectedVersion: 1 })).toEqual({
      kind: 'conflict',
      actualVersion: 2,
    });
    expect(await trail.append({ ...close, expectedVersion: 2 })).toMatchObject({ kind: 'appended' });
    expect(await stream.append(as('i-1'), [sandboxed('c')])).toEqual({
      kind: 'refused',
      reason: 'the attempt is closed',
    });
  });

  test('needs the claim’s secret, a runner’s types, and an actor of its own', async () => {
    await openAttempt(trail, attemptId(13));
    const r = await runner('j-1');
    const claim = held(await r.claim(attemptId(13)));
    const guessed = r.stream({ ...claim, secret: '00'.repeat(32) });
    expect(await guessed.append(as('j-1'), [sandboxed('c')])).toMatchObject({ kind: 'refused' });
    expect(await guessed.read()).toEqual([]);
    const stream = r.stream(claim);
    for (const _ of [1, 2])
      await expect(stream.append(orchestrator, [sandboxed('c')])).rejects.toMatchObject({
        code: 'trail-forbidden',
      });
    await expect(stream.append(as('other'), [sandboxed('c')])).rejects.toMatchObject({
      code: 'trail-forbidden',
    });
    await expect(
      stream.append(as('j-1'), [
        { type: 'attempt.claimed', data: { attempt: attemptId(13), incarnation: 'j-1', fence: 9 } },
      ]),
    ).rejects.toMatchObject({ code: 'trail-forbidden' });
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0, usd: 0.01 };
    const turn = { turn: 1, record: digest('b'), workspace: null, model: 'm', usage, action: 'bash ls' };
    const agent = 'agent/implement' as Actor;
    const asked = { type: 'turn.asked', data: { turn: 1, model: 'm' } } as const;
    // A turn that nobody asked for is no turn.
    expect(await stream.append(agent, [{ type: 'turn.recorded', data: turn }])).toMatchObject({
      kind: 'refused',
    });
    const done = await stream.append(agent, [asked, { type: 'turn.recorded', data: turn }]);
    // What was refused is on the attempt, once for each thing, and nowhere else: here alone a runner may say anything.
    expect(done).toMatchObject({ kind: 'appended', version: 6 });
    r.refused('permission denied for table people'); // as the store saw it
    r.refused('permission denied for table people');
    await stream.append(agent, [{ ...asked, data: { turn: 2, model: 'm' } }]);
    await stream.append(as('j-1'), [closed]);
    const said = await trail.read(streamOf.attempt(attemptId(13)));
    // The model owed it an answer: what comes now comes too late.
    expect(said.slice(-2)).toMatchObject([
      { entry: { type: 'turn.lost', data: { turn: 2 } } },
      { entry: closed },
    ]);
    expect(
      said.flatMap(({ envelope, entry }) =>
        entry.type === 'database.refused' ? [`${envelope.actor}: ${entry.data.reason}`] : [],
      ),
    ).toEqual([
      expect.stringMatching(/^runner\/j-1: .*a runner acts as itself or as its agent/),
      expect.stringMatching(/^runner\/j-1: .*a runner does not append these/),
      'runner/j-1: permission denied for table people',
    ]);
    r.refused('another, with no attempt held');
    expect(unrecorded).toEqual([['another, with no attempt held', 'no attempt is held']]);
  });
});
