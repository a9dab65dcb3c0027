import { createHash, randomBytes } from 'node:crypto';
import type { Digest, PersonId, RepoName } from '@millwright/domain';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_ARTIFACT_BYTES } from './artifacts.ts';
import { hashToken } from './people.ts';
import { openSecrets } from './secrets.ts';
import { openStore, type Store } from './store.ts';
import { placesOf, type TestDatabase, testDatabase } from './testing/index.ts';

let db: TestDatabase;
let store: Store;
let runner: Store;
let admin: postgres.Sql;
beforeAll(async () => {
  db = await testDatabase();
  store = openStore({ url: db.url.orchestrator });
  runner = openStore({ url: db.url.runner });
  admin = postgres(db.url.postgres, { max: 1 });
});
afterAll(async () => {
  await Promise.all([store.close(), runner.close(), admin.end()]);
  await db.close();
});

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
const MIB = 1_048_576;

describe('artifacts', () => {
  test.each([0, 1, MIB - 1, MIB, MIB + 1, 7 * MIB + 13])(
    '%i bytes come back as they went in',
    async (size) => {
      const bytes = randomBytes(size);
      const digest = await runner.artifacts.put(bytes);
      expect(digest).toBe(digestOf(bytes));
      expect(Buffer.compare(await store.artifacts.get(digest), bytes)).toBe(0);
      expect(await store.artifacts.has(digest)).toBe(true);
    },
  );

  test('the same bytes are stored once, put twice or at once', async () => {
    const bytes = randomBytes(3 * MIB);
    const digests = await Promise.all([1, 2, 3].map(() => store.artifacts.put(bytes)));
    await store.artifacts.put(bytes);
    expect(new Set(digests)).toEqual(new Set([digestOf(bytes)]));
    const [row] = await admin`select count(*)::int as n from millwright.artifact_chunks c
      where not exists (select from millwright.artifacts a where a.blob = c.blob)`;
    expect(row).toEqual({ n: 0 });
  });

  test('what is not there is a terminal error', async () => {
    const digest = digestOf(Buffer.from('never stored'));
    expect(await store.artifacts.has(digest)).toBe(false);
    await expect(store.artifacts.get(digest)).rejects.toMatchObject({
      code: 'artifact-missing',
      disposition: 'terminal',
    });
  });

  test('bytes changed behind the store’s back are found out when they are read', async () => {
    const digest = await store.artifacts.put(Buffer.from('as it was'));
    await admin`update millwright.artifact_chunks set bytes = ${Buffer.from('is it was')}
      where blob = (select blob from millwright.artifacts where digest = ${Buffer.from(digest.slice(7), 'hex')})`;
    await expect(store.artifacts.get(digest)).rejects.toMatchObject({ code: 'artifact-tampered' });
  });

  test('over 512 MiB is refused before anything is sent', async () => {
    const huge = new Uint8Array(MAX_ARTIFACT_BYTES + 1);
    await expect(store.artifacts.put(huge)).rejects.toMatchObject({ code: 'artifact-too-large' });
  });

  test('nobody can pass bytes off under another digest, or add to what is whole', async () => {
    const sql = postgres(db.url.runner, { max: 1 });
    const blob = '00000000-0000-4000-8000-000000000001';
    const bytes = Buffer.from('innocent');
    await sql`select millwright.artifact_chunk(${blob}, 0, ${bytes})`;
    const finish = (digest: Buffer, size: number) =>
      sql`select millwright.artifact_finish(${blob}, ${digest}, ${size}, 1) as ok`;
    expect(await finish(randomBytes(32), bytes.length)).toMatchObject([{ ok: false }]);
    expect(await finish(createHash('sha256').update(bytes).digest(), 9)).toMatchObject([{ ok: false }]);
    expect(await finish(createHash('sha256').update(bytes).digest(), bytes.length)).toMatchObject([
      { ok: true },
    ]);
    await expect(sql`select millwright.artifact_chunk(${blob}, 1, ${bytes})`).rejects.toMatchObject({
      code: '42501',
    });
    await sql.end();
  });

  test('chunks of an upload that was never finished are swept after an hour', async () => {
    const blob = '00000000-0000-4000-8000-000000000002';
    await admin`select millwright.artifact_chunk(${blob}, 0, 'x')`;
    expect(await store.sweep()).toBe(0);
    await admin`update millwright.artifact_chunks set written_at = written_at - interval '61 minutes'`;
    expect(await store.sweep()).toBe(1);
  });
});

describe('people', () => {
  const person = {
    id: 'per_00000001' as PersonId,
    name: 'Ada \u{1F469}',
  };

  const invite = (id: string, name: string, code: string, expiresAt = 200) =>
    store.people.invite({
      id: id as PersonId,
      name,
      code: { hash: hashToken(code), expiresAt },
    });

  test('are found by their token alone', async () => {
    await store.people.bootstrap({ ...person, tokenHash: hashToken('former') });
    await store.people.bootstrap({ ...person, tokenHash: hashToken('secret') });
    expect(await store.people.byToken('secret')).toEqual(person);
    expect(await store.people.byToken('former')).toBeNull();
    expect(await store.people.byToken('other')).toBeNull();
    expect(await store.people.list()).toEqual([{ ...person, token: true, expiresAt: null, erased: false }]);
  });

  test('a hash that agrees in its indexed part only is not a match', async () => {
    const hash = Buffer.from(hashToken('near'));
    hash[31] = (hash[31] ?? 0) ^ 1;
    await invite('per_00000003', 'Near', 'near-code');
    await store.people.rotate('per_00000003' as PersonId, { tokenHash: hash });
    expect(await store.people.byToken('near')).toBeNull();
  });

  test('a code lets one in once, in time, and only one of many at once', async () => {
    expect(await invite('per_00000004', ' Bea ', 'code')).toMatchObject({ person: { name: 'Bea' } });
    expect(await store.people.byToken('code')).toBeNull();
    expect(await store.people.accept('code', hashToken('late'), 200)).toEqual({ kind: 'expired' });
    expect(await store.people.accept('coda', hashToken('wrong'), 100)).toEqual({ kind: 'unknown' });
    const tokens = ['t1', 't2', 't3', 't4'];
    const ends = await Promise.all(tokens.map((token) => store.people.accept('code', hashToken(token), 199)));
    expect(ends.map(({ kind }) => kind).sort()).toEqual(['accepted', 'unknown', 'unknown', 'unknown']);
    const inside = await Promise.all(tokens.map((token) => store.people.byToken(token)));
    expect(inside.filter((one) => one !== null)).toHaveLength(1);
  });

  test('rotated, a token opens nothing: another does, or the code for one', async () => {
    const id = 'per_00000005' as PersonId;
    await invite(id, 'Cleo', 'c1');
    await store.people.accept('c1', hashToken('first'), 100);
    expect(await store.people.rotate(id, { tokenHash: hashToken('second') })).toBe(true);
    expect([await store.people.byToken('first'), (await store.people.byToken('second'))?.id]).toEqual([
      null,
      id,
    ]);
    await store.people.rotate(id, { code: { hash: hashToken('c2'), expiresAt: 300 } });
    expect(await store.people.byToken('second')).toBeNull();
    expect(await store.people.accept('c2', hashToken('third'), 250)).toMatchObject({ person: { id } });
    expect(await store.people.rotate('per_0000none' as PersonId, { tokenHash: hashToken('x') })).toBe(false);
  });

  test('a name that looks like another is not given, also of two at once; erased, it is free again', async () => {
    const twins = await Promise.all([
      invite('per_00000006', 'Dora', 'd1'),
      invite('per_00000007', 'DORA', 'd2'),
    ]);
    expect(twins.map(({ kind }) => kind).sort()).toEqual(['invited', 'taken']);
    expect(await invite('per_00000008', 'D0ra', 'd3')).toMatchObject({
      kind: 'taken',
      by: expect.any(String),
    });
    const [dora] = (await store.people.list()).filter(({ name }) => name.toLowerCase() === 'dora');
    await store.people.erase(dora?.id ?? person.id);
    expect(await invite('per_00000009', 'Dora', 'd4')).toMatchObject({ kind: 'invited' });
  });

  test('are none of a runner’s business', async () => {
    await expect(runner.people.list()).rejects.toMatchObject({
      code: 'store-forbidden',
      disposition: 'terminal',
    });
  });
});

describe('secrets', () => {
  const shop = 'shop' as RepoName;
  const key = randomBytes(32);

  test('are set, replaced, listed and removed', async () => {
    const secrets = openSecrets({ store, key });
    await secrets.set(shop, 'DATABASE_URL', 'one');
    await secrets.set(shop, 'DATABASE_URL', 'two \u0000 é');
    await secrets.set(shop, 'A', '');
    expect(await secrets.get(shop, 'DATABASE_URL')).toBe('two \u0000 é');
    expect(await secrets.get(shop, 'NONE')).toBeNull();
    expect(await secrets.names(shop)).toEqual(['A', 'DATABASE_URL']);
    expect([await secrets.remove(shop, 'A'), await secrets.remove(shop, 'A')]).toEqual([true, false]);
    expect(await secrets.names(shop)).toEqual(['DATABASE_URL']);
    await secrets.remove(shop, 'DATABASE_URL');
  });

  test('are found by a runner, who may read no value; nothing of one is in the database', async () => {
    const secrets = openSecrets({ store, key });
    await secrets.set(shop, 'TOKEN', 'first-canary-0815');
    await secrets.set(shop, 'TOKEN', 'second-canary-0815');
    const { mask } = await runner.secretFinder();
    expect(mask('first-canary-0815 second-canary-0815')).toBe('first-canary-0815 [secret TOKEN]');
    await expect(openSecrets({ store: runner, key }).all()).rejects.toMatchObject({
      code: 'store-forbidden',
    });
    expect(await placesOf(db.url.postgres, 'canary-0815')).toEqual([]);
    await secrets.remove(shop, 'TOKEN');
    expect((await runner.secretFinder()).find('second-canary-0815')).toEqual([]);
  });

  test('do not open with another key, nor in another row; the database holds no plain text', async () => {
    const secrets = openSecrets({ store, key });
    await secrets.set(shop, 'TOKEN', 'plain-text-canary');
    const [row] = await admin<
      [{ sealed: Buffer }]
    >`select sealed from millwright.secrets where name = 'TOKEN'`;
    expect(row.sealed.includes('plain-text-canary')).toBe(false);
    await admin`insert into millwright.secrets values ('shop', 'MOVED', ${row.sealed}, '')`;
    await expect(secrets.get(shop, 'MOVED')).rejects.toMatchObject({ code: 'secret-unreadable' });
    const other = openSecrets({ store, key: randomBytes(32) });
    await expect(other.get(shop, 'TOKEN')).rejects.toMatchObject({ code: 'secret-unreadable' });
    expect(() => openSecrets({ store, key: randomBytes(16) })).toThrow(/32/);
  });
});

test('of a hundred requests under one key, all get the value of the first', async () => {
  const values = await Promise.all(
    Array.from({ length: 100 }, (_, n) => store.idempotency.claim('ticket', 'key-1', `tkt_${n}`)),
  );
  expect(new Set(values).size).toBe(1);
  expect(await store.idempotency.claim('ticket', 'key-2', 'mine')).toBe('mine');
});

test('a database that is not there is a retryable error', async () => {
  const nowhere = openStore({ url: 'postgres://x:y@127.0.0.1:1/none' });
  await expect(nowhere.ping()).rejects.toMatchObject({ code: 'store-unreachable', disposition: 'retryable' });
  await nowhere.close();
});
