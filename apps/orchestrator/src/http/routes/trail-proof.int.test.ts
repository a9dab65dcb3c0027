import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSealer } from '@millwright/audit';
import {
  cosign,
  formatSignatureLines,
  generateKey,
  openEnvelope,
  parseVerifierKey,
  RangeVerifier,
  verifyAttestations,
  verifyBundle,
} from '@millwright/audit/proof';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { git, type ScriptedFactory, scriptedFactory } from '../../testing/scripted-factory.ts';

// A whole run, and then what a verifier gets of it: over HTTP, checked with nothing but the key.

let db: TestDatabase;
let factory: ScriptedFactory;
beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  factory = await scriptedFactory(
    db,
    { 'a.txt': 'a\n', 'package.json': '{"name":"shop"}\n' },
    { implement: () => ({ 'a.txt': 'b\n' }) },
    { sealMs: 300 },
  );
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
});
afterEach(async () => {
  await factory.stop();
  await db.close();
});

const get = (path: string) => factory.api('GET', path);
const file = async () =>
  (await factory.api('POST', '/tickets', { repo: 'shop', markdown: '# Do it\n\nplease' })).body.id as string;
const runOf = (ticket: string) =>
  factory.until('a run', async () => (await get(`/tickets/${ticket}`)).body.runs[0] as string);
const ended = (run: string) =>
  factory.until('its end', async () => {
    const view = (await get(`/runs/${run}`)).body;
    return view.endedAt ? view : null;
  });
const main = () => git(factory.root, '--git-dir', factory.remote, 'show', 'main:a.txt');

it('hands out the key, checkpoints, proofs and the bundle of a run; all hold', async () => {
  const run = await runOf(await file());
  await ended(run);
  const { vkey } = (await get('/trail/key')).body;
  expect(parseVerifierKey(vkey)?.name).toBe('millwright.local/fac_test');
  const bundle = await get(`/runs/${run}/bundle`);
  expect(bundle.status).toBe(200);
  const verdict = verifyBundle(JSON.stringify(bundle.body), [vkey]);
  expect(verdict).toMatchObject({ integrity: { kind: 'ok' }, completeness: { kind: 'complete' }, run });
  const attested = (await get(`/runs/${run}/attestations`)).body as { position: number; line: string }[];
  const lines = attested.map(({ line }) => line).join('\n');
  expect(verifyAttestations(lines, JSON.stringify(bundle.body), [vkey])).toMatchObject({
    kind: 'ok',
    attestations: [{ of: 'change', position: attested[0]?.position }],
    ignored: 0,
  });
  const opened = openEnvelope(lines, [parseVerifierKey(vkey) as never]);
  const statement = JSON.parse(Buffer.from(opened.kind === 'opened' ? opened.body : []).toString());
  const merged = git(factory.root, '--git-dir', factory.remote, 'rev-parse', 'main', 'main^{tree}', 'main~1');
  const [gitCommit, gitTree, base] = merged.split('\n');
  expect(statement.subject).toEqual([
    { name: `git+file://${factory.remote}@main`, digest: { gitCommit, gitTree } },
  ]);
  const { buildDefinition, runDetails } = statement.predicate;
  expect(buildDefinition.resolvedDependencies[0]).toMatchObject({
    name: 'base',
    digest: { gitCommit: base },
  });
  expect(runDetails.builder.id).toBe('https://millwright.local/fac_test');
  expect(runDetails.byproducts.map((one: { annotations: object }) => one.annotations)).toEqual([
    expect.objectContaining({ type: 'gate.decided', action: 'start', decision: 'allow' }),
    expect.objectContaining({ type: 'change.tested', verdict: 'passed' }),
    expect.objectContaining({ type: 'task.reviewed', verdict: 'approve' }),
    expect.objectContaining({ type: 'gate.decided', action: 'merge', decision: 'allow' }),
    expect.objectContaining({ type: 'merge.started', action: 'merge' }),
    expect.objectContaining({ type: 'merge.finished', ref: 'main' }),
  ]);
  const proof = await get('/trail/proof/3');
  expect(verifyBundle(JSON.stringify(proof.body), [vkey])).toMatchObject({
    integrity: { kind: 'ok' },
    entries: 1,
  });
  const { size, note } = (await get('/trail/checkpoint')).body;
  expect(note).toContain('millwright.local/fac_test\n');
  expect((await get(`/trail/consistency?from=3&to=${size}`)).body.proof.length).toBeGreaterThan(0);
  expect((await get('/trail/log?after=0&limit=5')).body.entries).toHaveLength(5);
  const range = await get(`/trail/range?since=2`);
  const verifier = new RangeVerifier([vkey]);
  verifier.push(Buffer.from(range.body));
  expect(verifier.finish()).toMatchObject({
    ...{ integrity: { kind: 'ok' }, completeness: { kind: 'complete' }, runs: { closed: 1 }, since: 2 },
  });
  expect((await get('/openapi.json')).body.paths['/v1/trail/range'].get.description).toContain(
    'lines of JSON',
  );
  const rotated = await factory.api('POST', '/trail/key/rotate', {});
  expect(rotated.body).toMatchObject({ previous: vkey });
  const later = await get(`/runs/${run}/bundle`);
  expect(verifyBundle(JSON.stringify(later.body), [vkey]).integrity).toEqual({ kind: 'ok' });
});

it('says what is not there, and takes no cosignature of nobody', async () => {
  expect((await get('/trail/proof/99999')).status).toBe(404);
  expect((await get('/trail/proof/zero')).status).toBe(400);
  expect((await get('/trail/consistency?from=5&to=2')).status).toBe(404);
  expect((await get('/trail/range?since=99999')).status).toBe(404);
  expect((await get('/trail/range?since=0&until=99999')).status).toBe(404);
  expect((await get('/trail/range?since=2&until=2')).status).toBe(404);
  expect((await get('/trail/range?since=-1')).status).toBe(400);
  expect((await get('/trail/range')).status).toBe(400);
  expect((await get('/runs/run_0000000000000009/bundle')).status).toBe(404);
  expect((await get('/trail/checkpoint?after=99999&waitMs=10')).status).toBe(404);
  const cosign = (signatures: string) => factory.api('POST', '/trail/cosignatures', { size: 1, signatures });
  expect((await cosign('hello')).status).toBe(422);
  expect((await cosign(`\u2014 nobody ${Buffer.alloc(76).toString('base64')}\n`)).status).toBe(422);
  expect((await factory.api('GET', '/trail/checkpoint', undefined, null)).status).toBe(401);
});

it('merges nothing while the decision is not sealed, says that it waits, and goes on when it is', async () => {
  await factory.factory.sealer.stop();
  const run = await runOf(await file());
  await factory.until('the merge gate', async () =>
    (await get(`/runs/${run}`)).body.gates.some(
      (gate: { action: string; decision: string }) => gate.action === 'merge' && gate.decision === 'allow',
    ),
  );
  await factory.until('its saying so', async () => (await get(`/runs/${run}`)).body.state === 'waiting');
  await sleep(1_000);
  expect(main()).toBe('a');
  expect((await get(`/runs/${run}`)).body).toMatchObject({
    state: 'waiting',
    reason: expect.stringMatching(/nothing ships on an unsealed decision.*the sealer has stopped/),
    endedAt: null,
  });
  const sealer = await openSealer({
    url: db.url.orchestrator,
    keyFolder: join(factory.root, 'keys'),
    origin: 'millwright.local/fac_test',
    clock: factory.factory.clock,
  });
  await sealer.start();
  factory.factory.sealer = sealer;
  expect(await ended(run)).toMatchObject({ state: 'done' });
  expect(main()).toBe('b');
  await sealer.stop();
});

it('with a witness, ships what the witness has cosigned: away, the run waits and says so; back, it goes on', async () => {
  await factory.factory.sealer.stop();
  const witness = generateKey('witness.test/w', 'cosignature').signer;
  const sealer = await openSealer({
    url: db.url.orchestrator,
    keyFolder: join(factory.root, 'keys'),
    origin: 'millwright.local/fac_test',
    clock: factory.factory.clock,
    witnesses: { vkeys: [witness.vkey], quorum: 1 },
  });
  await sealer.start();
  factory.factory.sealer = sealer;
  const run = await runOf(await file());
  const waiting = await factory.until('its saying so', async () => {
    const view = (await get(`/runs/${run}`)).body;
    return view.state === 'waiting' ? view : null;
  });
  expect(waiting.reason).toMatch(/entry \d+ is not sealed: witnesses have not cosigned it yet/);
  expect(main()).toBe('a');
  // What a witness that lies, or somebody under its name, sends is refused in words; it stops nothing, and is not forgotten.
  const size = (await sealer.latest())?.size ?? 0;
  const stranger = generateKey('witness.test/w', 'cosignature').signer;
  const post = (signatures: string) => factory.api('POST', '/trail/cosignatures', { size, signatures });
  const other = (key: typeof witness) => formatSignatureLines([cosign('a fork\n1\nAAAA\n', key, 1)]);
  expect(await post(other(witness))).toMatchObject({
    status: 422,
    body: {
      code: 'cosignature-refused',
      detail: expect.stringContaining('does not hold for our checkpoint'),
    },
  });
  expect(await post(other(stranger))).toMatchObject({
    body: { detail: 'no witness witness.test/w is known here' },
  });
  expect((await post('\u2014 '.repeat(5_000))).status).toBe(422);
  expect((await post('x'.repeat(2_200_000))).status).toBe(413);
  await factory.until('the doctor to say so', async () =>
    ((await get('/doctor')).body as { id: string; ok: boolean; text: string }[]).find(
      ({ id, ok, text }) => id === 'witness witness.test/w' && !ok && /nothing merges.*/.test(text),
    ),
  );
  expect((await get(`/runs/${run}/why`)).body.because[0].text).toMatch(/witnesses have not cosigned it yet/);
  let back = true;
  const cosigning = (async () => {
    while (back) {
      const latest = await sealer.latest();
      if (latest === null) throw new Error('nothing is sealed');
      const text = latest.note.slice(0, latest.note.indexOf('\n\n') + 1);
      await sealer.addCosignature(latest.size, cosign(text, witness, Math.floor(Date.now() / 1_000)));
      await sleep(50);
    }
  })();
  expect(await ended(run)).toMatchObject({ state: 'done', reason: expect.not.stringContaining('sealed') });
  expect(main()).toBe('b');
  back = false;
  await cosigning;
  await sealer.stop();
});
