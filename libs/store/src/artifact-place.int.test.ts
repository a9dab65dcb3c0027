import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Digest } from '@millwright/domain';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ArtifactPlace, artifactPlace } from './artifact-place.ts';
import { databaseTrouble } from './check.ts';
import { openStore, type Store } from './store.ts';
import { type TestDatabase, testDatabase } from './testing/index.ts';

// Large artifacts in a folder and in a bucket. The bucket is a server of our own that the AWS SDK takes for S3: path-style addresses, signed requests
// (the key is looked at, the signature is not), objects and errors.

type Twin = { server: Server; objects: Map<string, Buffer>; readOnly: boolean; seen: string[] };
const twin: Twin = { server: createServer(), objects: new Map(), readOnly: false, seen: [] };
let db: TestDatabase;
let root: string;
let place: ArtifactPlace;
let store: Store;

async function startTwin(): Promise<string> {
  const error = (code: string) =>
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  twin.server = createServer(async (request, response) => {
    const [, bucket = '', ...key] = new URL(request.url ?? '', 'http://twin').pathname.split('/');
    const name = key.join('/');
    twin.seen.push(`${request.method} ${bucket}`);
    const answer = (status: number, body: string | Buffer = '') =>
      response
        .writeHead(status, { 'content-length': Buffer.byteLength(body) })
        .end(request.method === 'HEAD' ? '' : body);
    const body = await buffer(request);
    if (!request.headers.authorization?.includes('Credential=twin-key/'))
      return answer(403, error('AccessDenied'));
    if (bucket !== 'artifacts') return answer(404, error('NoSuchBucket'));
    const found = twin.objects.get(name);
    switch (request.method) {
      case 'PUT':
        if (twin.readOnly) return answer(403, error('AccessDenied'));
        twin.objects.set(name, body);
        return answer(200);
      case 'DELETE':
        twin.objects.delete(name);
        return answer(204);
      default:
        return found === undefined ? answer(404, error('NoSuchKey')) : answer(200, found);
    }
  });
  await new Promise<void>((done) => twin.server.listen(0, '127.0.0.1', done));
  const address = twin.server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

let s3 = '';
beforeEach(async () => {
  db = await testDatabase();
  root = mkdtempSync(join(tmpdir(), 'millwright-artifacts-'));
  twin.objects.clear();
  twin.readOnly = false;
  s3 = await startTwin();
  process.env.AWS_ACCESS_KEY_ID = 'twin-key';
  process.env.AWS_SECRET_ACCESS_KEY = 'twin-secret';
});
afterEach(async () => {
  await store?.close();
  place?.close();
  twin.server.closeAllConnections();
  twin.server.close();
  rmSync(root, { recursive: true, force: true });
  await db.close();
});
const open = async (said: string): Promise<void> => {
  const made = await artifactPlace(said);
  if (made === null) throw new Error('it is the database');
  place = made;
  store = openStore({ url: db.url.runner, place });
};
const large = Buffer.alloc(3 * 1_048_576 + 5, 'x');
const small = Buffer.from('{"a":1}');
const bucket = (name = 'artifacts', key = '') =>
  `s3://${name}/some/prefix?endpoint=${encodeURIComponent(s3)}${key}`;
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());

test.each(['a folder', 'a bucket'])(
  'what is large lies in %s, what is small in the database, and both are read by their digests, whole and in parts',
  async (which) => {
    // As it was before: it stays readable.
    const before = openStore({ url: db.url.runner });
    const old = Buffer.alloc(2 * 1_048_576, 'o');
    const oldDigest = await before.artifacts.put(old);
    await before.close();
    await open(which === 'a folder' ? root : bucket());
    expect(await place.trouble()).toBeNull();
    const { artifacts } = store;
    const [one, two] = [await artifacts.put(large), await artifacts.put(small)];
    expect(await artifacts.put(large)).toBe(one);
    const kept = () => (which === 'a folder' ? filesIn(root).length : twin.objects.size);
    expect(kept()).toBe(1);
    for (const [digest, bytes] of [
      [one, large],
      [two, small],
      [oldDigest, old],
    ] as const) {
      expect(await artifacts.has(digest)).toBe(true);
      expect(Buffer.compare(await artifacts.get(digest), bytes)).toBe(0);
      const sizes: number[] = [];
      const sum = createHash('sha256');
      for await (const part of (await artifacts.stream?.(digest)) ?? []) {
        sizes.push(part.length);
        sum.update(part);
      }
      expect(`sha256:${sum.digest('hex')}`).toBe(digest);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1_048_576);
    }
    const none = `sha256:${'0'.repeat(64)}` as Digest;
    expect(await artifacts.has(none)).toBe(false);
    await expect(artifacts.get(none)).rejects.toMatchObject({ code: 'artifact-missing' });

    // Somebody changes what lies there.
    const other = Buffer.from(large);
    other[17] = 0;
    if (which === 'a folder') {
      const [file] = filesIn(root);
      const path = join(file?.parentPath ?? '', file?.name ?? '');
      expect(readFileSync(path).length).toBe(large.length);
      writeFileSync(path, other);
    } else for (const name of twin.objects.keys()) twin.objects.set(name, other);
    await expect(artifacts.get(one)).rejects.toMatchObject({ code: 'artifact-tampered' });
    const parts = async () => {
      for await (const _part of (await artifacts.stream?.(one)) ?? []);
    };
    await expect(parts()).rejects.toMatchObject({ code: 'artifact-tampered' });
  },
);

test('a place where nothing can be kept is refused before any work, with what to do; what is away is tried again', async () => {
  const asked = (at: ArtifactPlace | null) =>
    databaseTrouble(db.url.orchestrator, { role: 'orchestrator', factory: 'fac_one', place: at });
  await open(bucket());
  twin.readOnly = true;
  expect(await asked(place)).toMatch(
    /cannot be kept in s3:\/\/artifacts\/some\/prefix at 127.*AccessDenied.*PutObject/,
  );
  await open(bucket('others'));
  expect(await asked(place)).toMatch(/NoSuchBucket/);
  await open(join(root, 'none'));
  expect(await asked(place)).toMatch(/mkdir -p/);
  await expect(artifactPlace('ftp://there')).rejects.toMatchObject({ code: 'artifacts-refused' });
  expect(await artifactPlace('postgres')).toBeNull();

  await open(bucket());
  twin.server.closeAllConnections();
  twin.server.close();
  await expect(store.artifacts.put(large)).rejects.toMatchObject({ disposition: 'retryable' });
});

test('the orchestrator says where artifacts lie; a runner that means another place is refused, and so is another place later', async () => {
  const asked = (role: 'orchestrator' | 'runner', at: ArtifactPlace | null) =>
    databaseTrouble(db.url[role], { role, factory: 'fac_one', place: at });
  expect(await asked('orchestrator', null)).toBeNull();
  await open(root);
  expect(await asked('runner', place)).toMatch(/keeps large artifacts in postgres.*set MILLWRIGHT_ARTIFACTS/);
  expect(await asked('orchestrator', place)).toBeNull();
  expect(await asked('runner', place)).toBeNull();
  expect(await asked('runner', null)).toMatch(/and this runner would in postgres/);
  expect(await asked('orchestrator', null)).toMatch(/as it was, or copy them there/);
});
