import { type ChildProcess, spawn } from 'node:child_process';
import { verify } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DoctorLine, RunView, WhyView } from '@millwright/api';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { removeFromEngine } from '../demo/clean-up.ts';
import { type Factory, ROOT, startFactory } from './factory.ts';
import { conversations, good, serviceFiles, type Ticket } from './kill/service.ts';

// A factory and its witness as two processes: nothing ships that the witness has not cosigned, and going back waits for nobody.

const CLI = join(ROOT, 'apps/cli/src/main.ts');
let factory: Factory;
let folder: string;
let running: ChildProcess | null = null;

/** Starts the witness in its folder; resolves with its verifier key, which it prints before it looks at any factory. */
async function witness(url: string, token: string): Promise<string> {
  const args = ['witness', '--data', join(folder, 'witness'), '--factory', url];
  const env = { PATH: process.env.PATH, MILLWRIGHT_TOKEN: token };
  running = spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(running.stdout as NonNullable<ChildProcess['stdout']>, 'data')) as [Buffer];
  return line.toString('utf8').trim();
}
async function stopWitness(): Promise<void> {
  if (running === null) return;
  const gone = once(running, 'exit');
  running.kill('SIGKILL');
  await gone;
  running = null;
}

/** The third changes what the second did not: it still fits when the second is taken back. */
const TICKETS: Ticket[] = [
  good(1),
  good(2),
  { title: 'Say more', word: '', path: 'more.js', text: 'exports.more = 1;\n', end: 'done' },
];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millwright-witness-'));
  const vkey = await witness('http://127.0.0.1:9', 'mwt_none');
  await stopWitness();
  factory = await startFactory({
    conversations: TICKETS.flatMap(conversations),
    env: { MILLWRIGHT_WITNESSES: vkey, MILLWRIGHT_SEAL_MS: '1000' },
  });
  const port = await freePort();
  await factory.add(await factory.remote('word', serviceFiles(port)));
  // A key made before its factory is there, and kept in its folder.
  expect(await witness(factory.url, readFileSync(join(factory.data, 'token'), 'utf8').trim())).toBe(vkey);
});
afterAll(async () => {
  await stopWitness();
  await factory?.close(() => removeFromEngine(factory.id));
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

const file = (nth: number) => factory.file('word', `# ${TICKETS[nth - 1]?.title}\n\nPlease.\n`);
const ended = (ticket: string) => factory.runOf(ticket, (run) => run.endedAt !== null);
const doctor = async () => (await factory.api('GET', '/doctor')).body as DoctorLine[];

it('ships with its witness; without it nothing does but going back; and goes on when it is back', async () => {
  const first = await ended(await file(1));
  expect(first.state).toBe('done');
  const second = await ended(await file(2));
  expect(second.state).toBe('done');
  expect((await doctor()).find(({ id }) => id.startsWith('witness '))).toMatchObject({ ok: true });

  await stopWitness();
  const ticket = await file(3);
  const waiting = await factory.runOf(ticket, (run) => run.state === 'waiting');
  expect(waiting.reason).toMatch(
    /nothing ships.*witnesses have not cosigned it yet \(1 of 1 must\): witness\.local\//,
  );
  const why = (await factory.api('GET', `/runs/${waiting.id}/why`)).body as WhyView;
  expect(why.because[0]?.text).toMatch(/witnesses have not cosigned/);
  expect(why.next.acts).toMatchObject([{ act: 'check-factory' }]);
  expect(await factory.cli(['run', 'show', waiting.id])).toMatchObject({
    stdout: expect.stringContaining('witnesses have not cosigned'),
  });
  await expect
    .poll(async () => (await doctor()).find(({ ok }) => !ok))
    .toMatchObject({
      id: expect.stringContaining('witness'),
      fix: expect.objectContaining({ acts: [expect.objectContaining({ act: 'start-witness' })] }),
    });

  const back = await factory.cli(['rollback', '--yes', '--repo', 'word', '--json']);
  expect({ ...back, stdout: JSON.parse(back.stdout) }).toMatchObject({
    code: 0,
    stdout: { done: true, from: second.release, to: first.release },
  });
  const still = (await factory.api('GET', `/runs/${waiting.id}`)).body as RunView;
  expect(still).toMatchObject({ state: 'waiting', endedAt: null });
  const types = (await factory.trail(waiting.id)).map(({ type }) => type);
  expect(types).not.toContain('merge.started');

  await witness(factory.url, readFileSync(join(factory.data, 'token'), 'utf8').trim());
  const third = await ended(ticket);
  expect((await factory.trail(third.id)).map(({ type }) => type)).toContain('merge.started');
  expect(third.state).toBe('done');
});

it('what it shipped, witnessed and attested, holds offline with nothing but the public key', async () => {
  const [shipped] = ((await factory.api('GET', '/runs')).body as RunView[]).filter(
    ({ state }) => state === 'done',
  );
  const [file, pem, vkey] = [join(folder, 'run.json'), join(folder, 'key.pem'), join(folder, 'vkey')];
  const save = async (to: string, args: string[]) => writeFileSync(to, (await factory.cli(args)).stdout);
  await save(vkey, ['trail', 'key']);
  await save(pem, ['trail', 'key', '--pem']);
  expect((await factory.cli(['trail', 'export', '--run', shipped?.id ?? '', '-o', file])).code).toBe(0);
  const checked = await factory.cli(
    [
      'trail',
      'verify',
      '--bundle',
      file,
      '--key',
      readFileSync(vkey, 'utf8').trim(),
      '--data',
      join(folder, 'nowhere'),
    ],
    { env: { MILLWRIGHT_URL: 'http://127.0.0.1:9' } },
  );
  expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining('2 signed statements') });
  // The same with no code of ours: DSSE over in-toto, as docs/trail.md has it.
  const statements = readFileSync(`${file}.intoto.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { payload, signatures } = JSON.parse(line) as { payload: string; signatures: { sig: string }[] };
      const body = Buffer.from(payload, 'base64');
      const pae = Buffer.concat([
        Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${body.length} `),
        body,
      ]);
      const signature = Buffer.from(signatures[0]?.sig ?? '', 'base64');
      expect(verify(null, pae, readFileSync(pem, 'utf8'), signature)).toBe(true);
      return JSON.parse(body.toString('utf8'));
    });
  expect(statements.map(({ predicate }) => predicate.buildDefinition.buildType)).toEqual([
    'https://millwright.local/buildtypes/change/v1',
    'https://millwright.local/buildtypes/release/v1',
  ]);
  const release = statements[1];
  const built = (await factory.trail(shipped?.id ?? '')).find(({ type }) => type === 'release.built');
  expect(release.subject[0].digest.sha256).toBe(
    (built?.data as { layer: string } | undefined)?.layer.replace('sha256:', ''),
  );
  const said = release.predicate.runDetails.byproducts.map(
    ({ annotations }: { annotations: { type: string } }) => annotations.type,
  );
  expect(said).toEqual(
    expect.arrayContaining(['gate.decided', 'merge.finished', 'deploy.started', 'deploy.finished']),
  );
});
