import { type Entry, type RunId, streamOf } from '@millwright/domain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseVerifierKey, RangeVerifier, readPayload, TrailVerifier, verifyBundle } from '../proof/index.ts';
import { openRedactor } from '../redactor.ts';
import { type SealedTrail, sealedTrail } from '../testing/sealed.ts';
import { attemptId, digest, factory, keyOn, openAttempt, orchestrator } from '../testing/trail.ts';

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

describe('a range from the database', () => {
  const exported = async (since: number, until?: number) => {
    let text = '';
    for await (const part of await t.prover.exportRange({ since, until })) text += part;
    return text;
  };
  const judged = async (text: string) => {
    const verifier = new RangeVerifier([await t.vkey()]);
    verifier.push(Buffer.from(text));
    return verifier.finish();
  };

  test('is ok wherever it begins and ends, and however far the trail has gone on; after a new key too', async () => {
    const first = await t.vkey();
    await t.checkpoint();
    await t.sealer.rotate(keyOn(t.trail));
    await t.fill(300);
    await t.checkpoint();
    for (const [since, until] of [
      [0, undefined],
      [0, 1],
      [64, 65],
      [17, 301],
      [300, 365],
      [5, 48],
    ] as const) {
      const text = await exported(since, until);
      const verdict = {
        integrity: { kind: 'ok' },
        since,
        until: until ?? 365,
        entries: (until ?? 365) - since,
      };
      expect(await judged(text)).toMatchObject({ ...verdict, checkpoint: { size: 365 } });
      const verifier = new RangeVerifier([first]); // whose successor has signed
      verifier.push(Buffer.from(text));
      expect(verifier.finish().integrity).toEqual({ kind: 'ok' });
    }
  });

  test('free text that was redacted is accounted for, also by an entry after the range', async () => {
    const redactor = openRedactor({ url: t.db.url.redactor });
    const erase = async (position: number) => {
      const entries: Entry[] = [{ type: 'trail.redacted', data: { position, reason: 'a name' } }];
      const expectedVersion = (await t.trail.read(factory)).length;
      const said = await t.trail.append({ stream: factory, expectedVersion, actor: orchestrator, entries });
      if (said.kind !== 'appended') throw new Error(said.kind);
      await redactor.redact(position, said.position);
    };
    await erase(7); // entry 65
    await erase(20);
    await erase(65);
    await t.checkpoint();
    await redactor.close();
    expect(await judged(await exported(0))).toMatchObject({
      ...{ integrity: { kind: 'ok' }, redacted: { count: 3, first: [7, 20, 65] } },
    });
    expect(await judged(await exported(5, 30))).toMatchObject({
      ...{ integrity: { kind: 'ok' }, redacted: { count: 2, first: [7, 20] } },
    });
    await t.superuser('update millwright.payloads set words = null, words_salt = null where position = 9');
    await expect(exported(5, 30)).rejects.toMatchObject({ code: 'unsealed' });
  });

  test('what was changed in the database is not handed out, or shows in the file, at its block', async () => {
    await expect(exported(64)).rejects.toMatchObject({ code: 'unsealed' });
    await t.checkpoint();
    await expect(exported(64, 64)).rejects.toMatchObject({ code: 'no-entry' });
    await t.superuser("update millwright.entries set actor = 'migrator' where position = 37");
    expect((await judged(await exported(0))).integrity).toMatchObject({
      ...{ kind: 'tampered', position: 33, through: 48, code: 'changed' },
    });
    await t.superuser('delete from millwright.entries where position = 50');
    await expect(exported(0)).rejects.toMatchObject({ code: 'trail-tampered' });
    await t.superuser("update millwright.payloads set bytes = '{}' where position = 10");
    await expect(exported(0, 20)).rejects.toMatchObject({ code: 'trail-tampered' });
    expect((await judged(await exported(11, 20))).integrity).toEqual({ kind: 'ok' });
  });

  test('pages of payloads are bounded by their bytes', async () => {
    await t.checkpoint();
    await t.sealer.stop();
    await t.fill(8);
    await t.superuser(
      `update millwright.payloads set bytes = convert_to('{"reason":"' || repeat('x', 1500000) || '"}', 'UTF8'), words = null, words_salt = null
       where position > 64`,
      `update millwright.entries e set payload_digest = sha256(p.salt || p.bytes) from millwright.payloads p
       where p.position = e.position and e.position > 64`,
    );
    const sealer = await t.open();
    await sealer.start();
    expect(await sealer.sealed(72, { timeoutMs: 60_000 })).toBe('sealed');
    await sealer.stop();
    let [text, longest] = ['', 0];
    for await (const part of await t.prover.exportRange({ since: 0 })) {
      text += part;
      longest = Math.max(longest, part.length);
    }
    expect(longest).toBeLessThan(7_000_000);
    expect(await judged(text)).toMatchObject({ integrity: { kind: 'ok' }, entries: 72 });
  });
});
