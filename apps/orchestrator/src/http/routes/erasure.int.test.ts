import { verifyTrail } from '@millwright/audit';
import { verifyBundle } from '@millwright/audit/proof';
import { migrateQueue } from '@millwright/queue';
import { placesOf, type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Forward } from '../../streams/forward.ts';
import { Streams } from '../../streams/streams.ts';
import { type ScriptedFactory, scriptedFactory } from '../../testing/scripted-factory.ts';

// What must not be kept: secrets, which are masked before anything is stored, and what is erased on purpose.

/** In two parts, so that this file holds no secret itself. */
const CANARY = ['ghp', '_canaryabcdefghijklmnopqrstuvwxyz012345'].join('');
const NAME = 'Ms Mustermann of 3 Elm Street';

let db: TestDatabase;
let factory: ScriptedFactory;
let run: string;
let ticket: string;
beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  factory = await scriptedFactory(
    db,
    { 'a.txt': 'a\n', 'package.json': '{"name":"shop"}\n' },
    {
      plan: () => ({
        kind: 'tasks',
        summary: `saw ${CANARY}`,
        tasks: [
          {
            id: 'a' as never,
            title: CANARY,
            instructions: `use ${CANARY}`,
            dependsOn: [],
            acceptance: [CANARY],
          },
        ],
      }),
      implement: () => ({ 'a.txt': 'b\n' }),
    },
  );
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: `because ${CANARY}` });
  const markdown = `---\nacceptance: ["${CANARY}"]\n---\n# Do it with ${CANARY}\n\nToken: ${CANARY}`;
  ticket = (await factory.api('POST', '/tickets', { repo: 'shop', markdown })).body.id;
  run = await factory.until('its end', async () => {
    const id = (await factory.api('GET', `/tickets/${ticket}`)).body.runs[0];
    return id && (await factory.api('GET', `/runs/${id}`)).body.endedAt ? id : null;
  });
});
afterAll(async () => {
  await factory.stop();
  await db.close();
});

const trail = async () =>
  (await factory.api('GET', '/trail?limit=1000')).body as { position: number; type: string }[];
const positionOf = async (type: string) =>
  (await trail()).findLast((line) => line.type === type)?.position ?? 0;
const redact = (position: number, token?: string) =>
  factory.api('POST', '/trail/redactions', { position, reason: 'it names a person' }, token);

it('a secret that people and models wrote is in no table of the database', async () => {
  await factory.api('POST', '/halt', { reason: `leaked ${CANARY}` });
  await factory.api('POST', '/resume', { reason: `rotated ${CANARY}` });
  expect((await factory.api('GET', `/runs/${run}`)).body.state).toBe('done');
  expect((await factory.api('GET', `/tickets/${ticket}`)).body.ticket.title).toBe(
    'Do it with [masked: GitHub token]',
  );
  expect(await placesOf(db.url.postgres, CANARY.slice(4, 24))).toEqual([]);
  // It would have been found: the text around it is.
  expect(await placesOf(db.url.postgres, 'leaked ')).toEqual(['millwright.payloads.words']);
  expect(await placesOf(db.url.postgres, 'Do it with')).toContain('millwright.artifact_chunks.bytes');
});

describe('redaction', () => {
  it('erases the words of an entry and keeps what it did: a redacted halt still halts, also after a restart', async () => {
    await factory.api('POST', '/halt', { reason: `${NAME} called` });
    const position = await positionOf('factory.halted');
    expect((await redact(position)).body).toEqual({ position, record: expect.any(Number), erased: true });
    expect((await redact(position)).body).toMatchObject({ erased: false });
    expect(await placesOf(db.url.postgres, NAME)).toEqual([]);
    const halted = [expect.objectContaining({ reason: '[redacted]', until: null })];
    expect(await factory.factory.forward.halts()).toEqual(halted);
    const anew = new Streams({
      trail: { ...factory.factory.trail, append: () => Promise.reject(new Error('only read')) },
      clock: factory.factory.clock,
      mask: (text) => text,
      shown: async () => undefined,
    });
    expect(await new Forward(anew).halts()).toEqual(halted);
    await factory.api('POST', '/resume', { reason: 'all fine' });
  });

  it('of every entry of a run leaves its state, its bundle and the whole trail as they were', async () => {
    const before = (await factory.api('GET', `/runs/${run}`)).body;
    const bundle = (await factory.api('GET', `/runs/${run}/bundle`)).body;
    for (const { envelope } of bundle.entries) expect((await redact(envelope.position)).status).toBe(200);
    const after = (await factory.api('GET', `/runs/${run}`)).body;
    for (const part of ['id', 'state', 'change', 'usage', 'delivered', 'endedAt'])
      expect(after[part]).toEqual(before[part]);
    const { vkey } = (await factory.api('GET', '/trail/key')).body;
    const erased = (await factory.api('GET', `/runs/${run}/bundle`)).body;
    const verdict = verifyBundle(JSON.stringify(erased), [vkey]);
    expect(verdict).toMatchObject({ integrity: { kind: 'ok' }, completeness: { kind: 'complete' } });
    expect(verdict.redacted.length).toBeGreaterThan(5);
    const whole = await verifyTrail({
      url: db.url.orchestrator,
      vkeys: [vkey],
      earlier: [bundle.checkpoint],
    });
    expect(whole.integrity).toEqual({ kind: 'ok' });
    expect(whole.redacted.count).toBeGreaterThan(verdict.redacted.length);
  });

  it('is for administrators, of what is there', async () => {
    const { token } = await factory.enrol('Bob', 'approver', 'author');
    expect((await redact(1, token)).status).toBe(403);
    expect((await redact(9_999_999)).status).toBe(404);
  });
});

it('a name is erased: it is nowhere, its token opens nothing, and what the person did stays under the id', async () => {
  const { id, token } = await factory.enrol(NAME, 'admin');
  await factory.api('POST', '/halt', { reason: 'lunch' }, token);
  expect((await factory.api('POST', `/people/${id}/erasure`, { reason: 'asked for' }, token)).status).toBe(
    200,
  );
  expect(await placesOf(db.url.postgres, NAME)).toEqual([]);
  expect((await factory.api('GET', '/tickets', undefined, token)).status).toBe(401);
  const erased = (await trail()).findLast(({ type }) => type === 'person.erased');
  expect(erased).toMatchObject({ actor: id, actorName: id });
  expect((await factory.api('POST', '/people/per_00000000none/erasure', { reason: 'who' })).status).toBe(404);
  expect((await factory.api('POST', '/people/per_00000000admin/erasure', { reason: 'me' })).status).toBe(409);
});
