import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIRST_ADMIN, type RepoName, Ticket, VERSION } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { openStore } from '@millwright/store';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileTicket } from '../intake/tickets.ts';
import { type Cli, cliOn } from '../testing/cli.ts';
import { git, type ScriptedFactory, scriptedFactory } from '../testing/scripted-factory.ts';

// What people are told, through the real command line and the composed orchestrator: what cannot work before it is paid for, and what to do
// about a wrong word.

const FILES = {
  'package.json': JSON.stringify({ scripts: { test: 'node --test' }, devDependencies: { x: '1' } }),
  'package-lock.json': '{}',
  'millwright.yaml': 'autonomy: 6\n',
};

const LFS_POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;

let db: TestDatabase;
let factory: ScriptedFactory;
let cli: Cli;

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  factory = await scriptedFactory(db, FILES, { review: () => 'approve' });
  cli = await cliOn(factory.app);
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
});
afterAll(async () => {
  await factory?.stop();
  await db?.close();
});

/** Puts these files on the default branch of the repository; null deletes one. */
function commit(files: Record<string, string | null>): void {
  const work = mkdtempSync(join(factory.root, 'edit-'));
  git(work, 'clone', '-q', factory.remote, '.');
  for (const [path, text] of Object.entries(files))
    if (text === null) rmSync(join(work, path));
    else writeFileSync(join(work, path), text);
  git(work, 'add', '-A');
  git(work, 'commit', '-qm', 'edit');
  git(work, 'push', '-q', 'origin', 'main');
}

const attempt = (title: string) => cli(['ticket', 'file', '-', '--repo', 'shop'], { input: `# ${title}\n` });

describe('what cannot work', () => {
  test.each([
    ['services', 'services: [postgres]\n', {}, 'are not supported', 'remove services from millwright.yaml'],
    [
      'a secret without a value',
      'deploy: { target: docker, start: node x, port: 1, expose: 18081, secrets: [DATABASE_URL] }\n',
      {},
      'deploy.secrets names DATABASE_URL, which has no value',
      './millwright secret set DATABASE_URL --repo shop',
    ],
    [
      'a pnpm lockfile',
      'autonomy: 6\n',
      { 'package-lock.json': null, 'pnpm-lock.yaml': 'x\n' },
      'pnpm-lock.yaml asks for pnpm',
      'commit a package-lock.json',
    ],
    [
      'a file in Git LFS',
      'autonomy: 5\n',
      { '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n', 'a.bin': LFS_POINTER },
      'files in Git LFS (a.bin) are not supported',
      'git lfs migrate export',
    ],
    ['a toolchain that is not there', 'test: pytest -q\n', {}, 'has no pytest', 'name an image of your own'],
  ])(
    '%s is said by repo list and doctor, and no ticket is filed for it',
    async (_what, yaml, files, said, fix) => {
      commit({ 'millwright.yaml': yaml, ...files });
      const filed = await attempt('Never');
      expect(filed).toMatchObject({ code: 1, out: '' });
      for (const part of [said, fix, 'nothing was filed']) expect(filed.err).toContain(part);
      expect((await cli(['repo', 'list'])).out).toContain(said);
      const doctor = JSON.parse((await cli(['doctor', '--json'])).out);
      const line = doctor.find(({ text }: { text: string }) => text.includes(said));
      expect(line).toMatchObject({ id: 'repo shop', ok: false, fix: expect.stringContaining(fix) });
      expect((await factory.api('GET', '/tickets')).body).toEqual([]);
      commit({ 'millwright.yaml': 'autonomy: 6\n', 'package-lock.json': '{}' });
      const added = Object.keys(files).filter((path) => path !== 'package-lock.json');
      if (added.length > 0) commit(Object.fromEntries(added.map((path) => [path, null])));
    },
  );

  test('repo add says it too, and takes the repository all the same', async () => {
    commit({
      'millwright.yaml': 'deploy: { target: docker, start: x, port: 1, expose: 18082, secrets: [TOKEN] }\n',
    });
    const added = await cli(['repo', 'add', factory.remote, '--name', 'other']);
    expect(added.code).toBe(0);
    expect(added.out).toContain('deploy.secrets names TOKEN, which has no value');
    expect(added.out).toContain('./millwright secret set TOKEN --repo other');
    expect(
      (await cli(['secret', 'set', 'TOKEN', '--repo', 'other'], { input: 'a value of some length' })).code,
    ).toBe(0);
    const { body } = await factory.api('GET', '/repos');
    expect(body.find(({ name }: { name: string }) => name === 'other').troubles).toEqual([]);
    commit({ 'millwright.yaml': 'autonomy: 6\n' });
  });

  test('a Node that is not there is noted, and stops nothing', async () => {
    commit({
      'package.json': JSON.stringify({ scripts: { test: 'node --test' }, engines: { node: '^16' } }),
    });
    const filed = await attempt('Goes on');
    expect(filed.code).toBe(0);
    expect((await cli(['repo', 'list'])).out).toContain('asks for Node ^16');
    const run = await factory.until('its start gate', async () => {
      const [one] = (await factory.api('GET', '/runs')).body;
      return one?.gates[0]?.decision ? one : null;
    });
    expect(run.gates[0].reason).toContain('Known beforehand: package.json asks for Node ^16');
    await factory.api('POST', `/runs/${run.id}/cancel`, { reason: 'enough' });
  });

  test('without a key for its model, doctor says so and nothing is filed; what files itself ends at the start gate', async () => {
    const { factory: inner } = factory;
    inner.modelKey = false;
    const doctor = await cli(['doctor', '--json']);
    expect(JSON.parse(doctor.out)).toContainEqual(
      expect.objectContaining({ id: 'model', ok: false, fix: expect.stringContaining('ANTHROPIC_API_KEY') }),
    );
    expect(doctor.code).toBe(1);
    expect((await attempt('Never')).err).toContain('started without a key for its model');
    const before = factory.runner.attempts.length;
    const { id } = await fileTicket(
      inner,
      FIRST_ADMIN as never,
      'shop' as RepoName,
      Ticket.parse({ title: 'By itself' }),
      null,
    );
    const run = await factory.until('its end', async () => {
      const nth = (await factory.api('GET', `/tickets/${id}`)).body.runs?.[0];
      const seen = nth && (await factory.api('GET', `/runs/${nth}`)).body;
      return seen?.endedAt ? seen : null;
    });
    expect(run).toMatchObject({ state: 'denied', gates: [{ action: 'start', policies: ['setup'] }] });
    expect(run.reason).toContain('ANTHROPIC_API_KEY');
    expect(factory.runner.attempts.length).toBe(before);
    inner.modelKey = null;
  });

  test('where no model answers for a role, nothing is filed and doctor names why, until the runners take it back', async () => {
    const runner = openStore({ url: db.url.runner });
    const note = { ok: false, roles: ['plan'], detail: 'Your credit balance is too low' };
    await runner.notes.say('model-role/plan', JSON.stringify(note));
    const doctor = await cli(['doctor', '--json']);
    const line = { id: 'models', ok: false, text: expect.stringContaining('for plan: Your credit balance') };
    expect(JSON.parse(doctor.out)).toContainEqual(expect.objectContaining(line));
    const before = factory.runner.attempts.length;
    const { id } = await fileTicket(
      ...([factory.factory, FIRST_ADMIN as never, 'shop' as RepoName] as const),
      ...([Ticket.parse({ title: 'By itself too' }), null] as const),
    );
    const run = await factory.until('its end', async () => {
      const nth = (await factory.api('GET', `/tickets/${id}`)).body.runs?.[0];
      const seen = nth && (await factory.api('GET', `/runs/${nth}`)).body;
      return seen?.endedAt ? seen : null;
    });
    expect(run).toMatchObject({ state: 'denied', gates: [{ action: 'start', policies: ['setup'] }] });
    const why = await cli(['run', 'why', run.id]);
    expect(why.out).toContain('no model can be asked for plan: Your credit balance is too low');
    expect(why.out).toContain('mend what is named there');
    expect((await attempt('Never')).err).toContain('no model can be asked for plan');
    expect(factory.runner.attempts.length).toBe(before);
    await runner.notes.say('model-role/plan', null);
    await runner.close();
    expect((await attempt('Goes on')).code).toBe(0);
  });

  test('what no runner can take waits and is told by name, and begins with the first that can; one of another version gets nothing', async () => {
    const first = { step: 6, reason: 'first step' };
    expect((await factory.api('POST', '/repos/shop/autonomy', first)).status).toBe(200);
    const { said, sayItself } = factory.runner;
    const as = (change: Partial<typeof said>) => {
      Object.assign(said, change);
      return sayItself();
    };
    commit({ 'millwright.yaml': 'autonomy: 6\nrunner: { labels: [gpu, linux] }\n' });
    const [ticket = ''] = (await attempt('Needs more')).out.match(/tkt_\w+/) ?? [];
    const why = async (text: string) => {
      const [run] = (await factory.api('GET', `/tickets/${ticket}`)).body.runs;
      const { out } = run === undefined ? { out: '' } : await cli(['run', 'why', run]);
      return out.includes(text) ? out : null;
    };
    const waits = 'its next stage waits for a runner';
    const named = `${waits}: millwright.yaml asks for gpu, linux, and no runner that is there has gpu`;
    expect(await factory.until(named, () => why(named))).toContain('MILLWRIGHT_RUNNER_LABELS=gpu,linux');
    const doctor = async () => JSON.parse((await cli(['doctor', '--json'])).out);
    expect(await doctor()).toContainEqual(
      expect.objectContaining({ id: 'repo shop', ok: false, text: expect.stringContaining('has gpu') }),
    );
    expect(await doctor()).toContainEqual(
      expect.objectContaining({
        id: 'storage',
        text: expect.stringMatching(/GiB are free.*the database has 0\.\d GiB/),
      }),
    );
    // A disk that is nearly full.
    const { disk } = factory.factory;
    factory.factory.disk = async () => ({ free: 1024 ** 2, of: 1024 ** 4 });
    expect(await doctor()).toContainEqual(
      expect.objectContaining({ id: 'storage', ok: false, fix: expect.stringContaining('free some') }),
    );
    factory.factory.disk = disk;
    await as({ labels: ['gpu'], version: '0.0.9' });
    await factory.until('its version', () => why(`${waits}: all that fit are of another version`));
    expect(await doctor()).toContainEqual(
      expect.objectContaining({
        id: 'runner scripted',
        ok: false,
        fix: expect.stringContaining('bring it to'),
      }),
    );
    const before = factory.runner.attempts.length;
    // All its places are given away, to stages that do not end.
    const { turns } = factory.factory;
    const full = [1, 2, 3, 4].map((nth) => ({
      ...{ attempt: `att_${nth}full` as never, run: `run_${nth}full` as never, repo: 'shop' as RepoName },
      ...{ needs: [], paused: false },
    }));
    for (const one of full) turns.takeUp(one);
    await as({ version: VERSION });
    await factory.until('its places', () =>
      why(`${waits}: all 4 places of runners with gpu, linux are taken`),
    );
    expect(factory.runner.attempts.length).toBe(before);
    for (const { attempt: one } of full) turns.leave(one);
    await factory.until('its plan', () => factory.runner.attempts.length > before);
    await as({ labels: [] });
    commit({ 'millwright.yaml': 'autonomy: 6\n' });
  });
});

describe('a wrong word', () => {
  test.each([
    [['trail', 'show', '--type', 'nope'], 'there is no type of entry "nope"'],
    [['trail', 'show', '--type', 'gate.nope'], 'there is no type of entry "gate.nope"'],
    [['trail', 'show', '--actor', 'nobody'], 'there is no actor "nobody"'],
    [['trail', 'show', '--run', 'run_0000000000000000'], 'there is no run "run_0000000000000000"'],
    [['trail', 'show', '--run', 'unknown'], 'run'],
    [['run', 'list', '--repo', 'moon'], 'there is no repository "moon"'],
  ])('%j ends with 2 and says so, and gives nothing', async (args, said) => {
    const ran = await cli(args);
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain(said);
  });

  test('filters that name what is there give it', async () => {
    for (const args of [
      ['--type', 'repo'],
      ['--actor', 'admin'],
      ['--type', 'repo.added,factory'],
    ])
      expect((await cli(['trail', 'show', ...args])).out).not.toBe('');
  });

  test("a token that is nobody's is told from none, with what to look at", async () => {
    const wrong = await cli(['run', 'list'], { token: 'mwt_nobody_has_this_one_here' });
    expect([wrong.code, wrong.err]).toEqual([
      4,
      expect.stringMatching(/nobody's here[\s\S]*MILLWRIGHT_TOKEN/),
    ]);
  });
});

test('a step above the ceiling of the file says that it does not count', async () => {
  commit({ 'millwright.yaml': 'autonomy: 5\n', 'package.json': FILES['package.json'] });
  const set = await cli(['autonomy', 'set', '6', '--repo', 'shop', '--reason', 'try']);
  expect([set.code, set.out]).toEqual([
    0,
    expect.stringContaining('allows 5 at most (autonomy: 5), so 5 is'),
  ]);
  const below = await cli(['autonomy', 'set', '4', '--repo', 'shop', '--reason', 'try']);
  expect(below.out).not.toContain('at most');
  commit({ 'millwright.yaml': 'autonomy: 6\n' });
  await cli(['autonomy', 'set', '6', '--repo', 'shop', '--reason', 'try']);
});

test('an answer to a ticket that asked nothing starts no run unless it is said', async () => {
  const { out } = await attempt('Ends at once');
  const id = out.trim();
  const ended = (nth: number) =>
    factory.until('its end', async () => {
      const { runs = [], state } = (await factory.api('GET', `/tickets/${id}`)).body;
      return runs.length === nth && (state === 'done' || state === 'closed') ? runs : null;
    });
  const run = await factory.until(
    'its run',
    async () => (await factory.api('GET', `/tickets/${id}`)).body.runs?.[0],
  );
  await factory.api('POST', `/runs/${run}/cancel`, { reason: 'enough' });
  await ended(1);
  const answered = await cli(['ticket', 'answer', id, 'why not']);
  expect(answered).toMatchObject({ code: 1, out: '' });
  expect(answered.err).toContain(`./millwright ticket answer ${id} "…" --again`);
  expect((await factory.api('GET', `/tickets/${id}`)).body.runs).toHaveLength(1);
  expect((await cli(['run', 'why', run])).out).toContain(`./millwright ticket answer ${id} "…" --again`);
  expect((await cli(['ticket', 'answer', id, 'go on', '--again'])).code).toBe(0);
  await ended(2);
});

test('a ticket says what it is elsewhere, once, and takes no address with a password', async () => {
  const [{ id }] = (await factory.api('GET', '/tickets')).body;
  const link = (url: string) => cli(['ticket', 'link', id, url, '--kind', 'github', '--as', '#7']);
  for (const _ of ['said', 'said again']) expect((await link('https://example.org/shop/7')).code).toBe(0);
  expect((await cli(['ticket', 'show', id])).out).toMatch(
    /elsewhere +github #7, https:\/\/example\.org\/shop\/7/,
  );
  expect((await factory.api('GET', `/tickets/${id}`)).body.links).toHaveLength(1);
  const refused = await link('https://ann:secret@example.org/shop/7');
  expect(refused).toMatchObject({ code: 2, out: '' });
  expect(refused.err).toContain('without a user and a password');
});

test('a file that cannot be written is no fault of the CLI', async () => {
  const [{ id }] = (await factory.api('GET', '/runs')).body;
  for (const args of [
    ['trail', 'export', '--run', id, '-o', '/nope/x'],
    ['trail', 'export', '--since', '0', '-o', '/nope/x'],
    ['trail', 'export', '--evidence', 'soc2', '--since', '0', '-o', '/nope/x'],
  ]) {
    const ran = await cli(args);
    expect(ran.code).toBe(1);
    expect(ran.err).toMatch(/\/nope\/x\S* cannot be opened or written: there is no such file or folder/);
    expect(ran.err).not.toMatch(/fault of the CLI|at async/);
  }
});
