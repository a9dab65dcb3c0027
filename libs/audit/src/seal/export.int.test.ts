import { type Entry, type RunId, streamOf } from '@millwright/domain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseVerifierKey, readPayload, TrailVerifier, verifyBundle } from '../proof/index.ts';
import { type SealedTrail, sealedTrail } from '../testing/sealed.ts';
import { attemptId, digest, openAttempt, orchestrator } from '../testing/trail.ts';

let t: SealedTrail;
beforeEach(async () => {
  t = await sealedTrail();
  await t.fill(64);
});
afterEach(() => t.close());

describe('a bundle of a run from the database', () => {
  const run = 'run_0000000000000001' as RunId;
  const zero = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, usd: 0 };
  const stage = (n: number): Entry => ({
    type: 'stage.opened',
    data: {
      stage: `plan-${n}`,
      role: 'plan',
      task: null,
      attempt: attemptId(n),
      spec: digest('a'),
      inputs: [],
    },
  });
  const closing = (attempts: number): Entry => ({
    type: 'run.closed',
    data: {
      end: 'done',
      reason: '',
      usage: zero,
      streams: {
        [streamOf.run(run)]: 3,
        [streamOf.attempt(attemptId(1))]: 1,
        [streamOf.attempt(attemptId(2))]: attempts,
      },
    },
  });
  const say = (version: number, entries: Entry[]) =>
    t.trail.append({ stream: streamOf.run(run), expectedVersion: version, actor: orchestrator, entries });
  const exported = async () => verifyBundle(JSON.stringify(await t.prover.exportRun(run)), [await t.vkey()]);

  test('open, complete, or incomplete when its closing entry lists more than there is', async () => {
    await expect(t.prover.exportRun(run)).rejects.toMatchObject({ code: 'no-run' });
    await openAttempt(t.trail, attemptId(1));
    await say(0, [stage(1), stage(2)]);
    await openAttempt(t.trail, attemptId(2));
    await t.checkpoint();
    expect(await exported()).toMatchObject({
      integrity: { kind: 'ok' },
      completeness: { kind: 'open' },
      entries: 4,
    });
    await say(2, [closing(2)]);
    await t.checkpoint();
    expect(await exported()).toMatchObject({
      integrity: { kind: 'ok' },
      completeness: { kind: 'incomplete', stream: `attempt/${attemptId(2)}`, version: 2, after: 68 },
    });
    await t.superuser("update millwright.entries set actor = 'migrator' where position = 66");
    await expect(t.prover.exportRun(run)).rejects.toMatchObject({ code: 'trail-tampered' });
  });

  test('complete', async () => {
    await openAttempt(t.trail, attemptId(1));
    await openAttempt(t.trail, attemptId(2));
    await say(0, [stage(1), stage(2), closing(1)]);
    await t.checkpoint();
    expect(await exported()).toMatchObject({
      integrity: { kind: 'ok' },
      completeness: { kind: 'complete' },
      entries: 5,
      run,
    });
  });
});

test('read page by page, the whole trail is verified without the database', async () => {
  await t.checkpoint();
  const key = parseVerifierKey(await t.vkey());
  if (key === null) throw new Error('no key');
  const verifier = new TrailVerifier({ keys: [key], rotations: await t.prover.rotations() });
  let after = 0;
  for (let pages = 0; pages < 100; pages++) {
    const page = await t.prover.log(after, 20);
    expect(page).toMatchObject({ head: 64, sealed: 64 });
    for (const { size, note } of page.checkpoints) verifier.checkpoint(size, note);
    for (const { envelope, payload } of page.entries)
      verifier.entry({
        envelope,
        payload: readPayload(payload) ?? null,
      });
    after += page.entries.length;
    if (page.entries.length === 0) break;
  }
  expect(verifier.finish()).toMatchObject({ integrity: { kind: 'ok' }, entries: 64, sealed: 64 });
});
