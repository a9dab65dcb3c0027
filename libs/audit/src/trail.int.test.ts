import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type RecordedEntry, streamOf } from '@millwright/domain';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leafHash } from './proof/index.ts';
import { attemptId, clock, factory, halted, orchestrator, ticket } from './testing/trail.ts';
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

const append = (on: WritableTrail, stream = factory, expectedVersion = 0, reasons = ['stop']) =>
  on.append({ stream, expectedVersion, actor: orchestrator, entries: reasons.map(halted) });

describe('append', () => {
  test('all of an append or, on a conflict, none of it, said as a value', async () => {
    expect(await append(trail, factory, 0, ['a', 'b'])).toMatchObject({ kind: 'appended', version: 2 });
    expect(await append(trail, factory, 1, ['c', 'd'])).toEqual({ kind: 'conflict', actualVersion: 2 });
    expect(await append(trail, factory, 3)).toEqual({ kind: 'conflict', actualVersion: 2 });
    const read = await trail.read(factory);
    expect(read.map((r) => r.entry)).toEqual([halted('a'), halted('b')]);
  });

  test('within one group, one conflict fails that caller alone', async () => {
    const [first, second, third, fourth] = await Promise.all([
      append(trail, ticket(1)), // goes alone; the others wait and share a call
      append(trail, ticket(2)),
      append(trail, ticket(2)),
      append(trail, ticket(2), 1),
    ]);
    expect(first).toMatchObject({ kind: 'appended', version: 1 });
    expect(second).toMatchObject({ kind: 'appended', version: 1 });
    expect(third).toEqual({ kind: 'conflict', actualVersion: 1 });
    expect(fourth).toMatchObject({ kind: 'appended', version: 2 });
  });

  test('a payload keeps \\u0000, emoji and every escape; a lone surrogate becomes U+FFFD', async () => {
    const text = 'nul \u0000 \u2028 "\\ud800" 🏭 é \u007f';
    await append(trail, ticket(3), 0, [text, 'cut \ud83c']);
    const read = await trail.read(ticket(3));
    expect(read.map((r) => r.entry)).toEqual([halted(text), halted('cut \ufffd')]);
  });

  test('what does not fit the schema is refused before anything is sent', async () => {
    await expect(append(trail, ticket(4), 0, ['x'.repeat(4_001)])).rejects.toMatchObject({
      code: 'trail-malformed',
      disposition: 'terminal',
    });
    expect(await trail.read(ticket(4))).toEqual([]);
  });

  test('an error of one append in a group leaves the others standing', async () => {
    const forbidden = trail.append({
      stream: streamOf.attempt(attemptId(9)),
      expectedVersion: 0,
      actor: orchestrator,
      entries: [{ type: 'attempt.sandboxed', data: { container: 'c', purpose: 'p' } }],
    });
    const outcomes = await Promise.allSettled([
      append(trail, ticket(5)),
      append(trail, ticket(6)),
      forbidden,
      append(trail, ticket(7)),
    ]);
    expect(outcomes.map((o) => o.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    await expect(forbidden).rejects.toMatchObject({ code: 'trail-forbidden' });
  });

  test('16 writers at once: dense, unique, in one order, and each stream has one winner a version', async () => {
    const writers = Array.from({ length: 16 }, () =>
      openTrail({ url: db.url.orchestrator, clock, maxConnections: 1 }),
    );
    const before = await trail.head();
    const results = await Promise.all(
      writers.map(async (writer, w) => {
        const mine: string[] = [];
        for (let n = 0; n < 20; n++) {
          const shared = await append(writer, ticket(1000 + n)); // all 16 want version 1 of it
          const own = await append(writer, ticket(2000 + w), n);
          mine.push(`${shared.kind} ${own.kind}`);
        }
        return mine;
      }),
    );
    await Promise.all(writers.map((writer) => writer.close()));
    const flat = results.flat();
    expect(flat.filter((r) => r === 'appended appended')).toHaveLength(20);
    expect(flat.filter((r) => r === 'conflict appended')).toHaveLength(300);
    const all = await trail.readAll(before, 1_000); // throws on a gap
    expect(all).toHaveLength(340);
    expect(new Set(all.map(({ envelope }) => `${envelope.stream}@${envelope.version}`)).size).toBe(340);
    const seen = new Map<string, number>();
    for (const { envelope } of all) {
      expect(envelope.version).toBe((seen.get(envelope.stream) ?? 0) + 1);
      seen.set(envelope.stream, envelope.version);
    }
  });

  test('a writer stopped at any moment blocks nobody', async () => {
    const program = `
      import { openTrail } from ${JSON.stringify(new URL('./trail.ts', import.meta.url).href)};
      const trail = openTrail({ url: ${JSON.stringify(db.url.orchestrator)}, clock: { now: Date.now } });
      for (let n = 0; ; n++) {
        await Promise.all([0, 1, 2].map((i) => trail.append({ stream: 'ticket/tkt_stopped' + i + '000', expectedVersion: n, actor: 'orchestrator',
          entries: [{ type: 'factory.halted', data: { reason: 'x'.repeat(3000) } }] })));
        if (n === 0) console.log('writing');
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    for (let n = 0; n < 20; n++) {
      child.kill('SIGSTOP');
      expect(await append(trail, ticket(5000), n)).toMatchObject({ kind: 'appended' });
      child.kill('SIGCONT');
      await clock.sleep(5);
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await append(trail, ticket(5000), 20)).toMatchObject({ kind: 'appended' });
  });
});

describe('read', () => {
  test('after a version, after a position, to a limit', async () => {
    await append(trail, ticket(20), 0, ['1', '2', '3']);
    expect((await trail.read(ticket(20), 1)).map((r) => r.envelope.version)).toEqual([2, 3]);
    const head = await trail.head();
    expect((await trail.readAll(head - 3, 2)).map((r) => r.envelope.position)).toEqual([head - 2, head - 1]);
    expect(await trail.readAll(head, 10)).toEqual([]);
  });

  test('the digest on the envelope commits to salt and bytes, and the leaf to the envelope', async () => {
    const [read] = await trail.read(ticket(20));
    const sql = postgres(db.url.orchestrator, { max: 1 });
    const [row] = await sql`select sha256(salt || bytes) = payload_digest as same, octet_length(salt) as salt
      from millwright.entries join millwright.payloads using (position) where position = ${read?.envelope.position ?? 0}`;
    await sql.end();
    expect(row).toEqual({ same: true, salt: 16 });
    expect(read && leafHash(read.envelope)).toHaveLength(32);
  });

  test('a payload changed behind the trail’s back is found out when it is read', async () => {
    await append(trail, ticket(21));
    const sql = postgres(db.url.postgres, { max: 1 });
    await sql`set session_replication_role = replica`; // a superuser, without triggers
    await sql`update millwright.payloads set bytes = ${Buffer.from('{"reason":"other"}')}
      where position = (select position from millwright.entries where stream = ${ticket(21)})`;
    await sql.end();
    await expect(trail.read(ticket(21))).rejects.toMatchObject({
      code: 'trail-tampered',
      disposition: 'terminal',
    });
  });

  test('follow gives what is there and then what comes, each once, in order', async () => {
    const start = await trail.head();
    await append(trail, ticket(30), 0, ['before']);
    const stop = new AbortController();
    const seen: RecordedEntry[] = [];
    const following = (async () => {
      for await (const batch of trail.follow({ after: start, signal: stop.signal })) {
        seen.push(...batch);
        if (seen.length === 1) await append(trail, ticket(30), 1, ['after']);
        if (seen.length >= 2) stop.abort();
      }
    })();
    await following;
    expect(seen.map((r) => r.entry)).toEqual([halted('before'), halted('after')]);
  });
});

test('an unreachable database is a retryable error', async () => {
  const nowhere = openTrail({ url: 'postgres://orchestrator:x@127.0.0.1:1/none', clock });
  await expect(append(nowhere)).rejects.toMatchObject({
    code: 'trail-unreachable',
    disposition: 'retryable',
  });
  await expect(nowhere.head()).rejects.toMatchObject({ disposition: 'retryable' });
  await nowhere.close();
});
