import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateQueue } from '@millwright/queue';
import { testDatabase } from '@millwright/store/testing';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { git, scriptedFactory } from '../testing/scripted-factory.ts';
import { Repository } from './repository.ts';

// What a repository on this machine makes git run runs as its owner. Only root can be another user.

const UID = 54_321;
const asRoot = process.getuid?.() === 0;
const root = mkdtempSync(join(tmpdir(), 'millwright-owner-'));
let nth = 0;
let folder = '';
let remote = '';
/** Where hooks say who they are: anybody may write there. */
let said = '';

const own = (path: string) => execFileSync('chown', ['-R', `${UID}:${UID}`, path]);
const script = (path: string, name: string) => {
  writeFileSync(
    path,
    `#!/bin/sh\ncat >/dev/null 2>&1 </dev/null\necho "${name} $(id -u) $(id -G)" >> ${said}/who\n`,
  );
  chmodSync(path, 0o755);
};
const who = (): string[] =>
  existsSync(join(said, 'who')) ? readFileSync(join(said, 'who'), 'utf8').trim().split('\n') : [];

beforeEach(() => {
  nth += 1;
  folder = join(root, String(nth));
  said = join(folder, 'said');
  mkdirSync(said, { recursive: true });
  chmodSync(root, 0o755);
  chmodSync(folder, 0o755);
  chmodSync(said, 0o777);
  remote = join(folder, 'shop.git');
  git(folder, 'init', '-q', '--bare', '-b', 'main', remote);
  git(folder, 'init', '-q', '-b', 'main', 'work');
  writeFileSync(join(folder, 'work', 'a.txt'), 'a\n');
  git(join(folder, 'work'), 'add', '-A');
  git(join(folder, 'work'), 'commit', '-qm', 'first');
  git(join(folder, 'work'), 'push', '-q', remote, 'main');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const opened = (url = remote) => Repository.open(join(folder, 'factory'), 'shop', url, 'main');
async function pushOne(repo: Repository) {
  const head = await repo.fetch();
  if ('kind' in head) throw new Error(head.reason);
  const blob = await repo.git.text(['hash-object', '-w', '--stdin'], { input: Buffer.from('b\n') });
  const tree = await repo.git.text(['mktree'], { input: Buffer.from(`100644 blob ${blob}\ta.txt\n`) });
  return repo.push(await repo.commit(tree as never, head.commit, 'second', 0), head.commit);
}

describe.runIf(asRoot)('as root, of a repository that another user owns', () => {
  test.each(['pre-receive', 'update', 'post-receive', 'post-update'])(
    'its hook %s runs as them',
    async (hook) => {
      script(join(remote, 'hooks', hook), hook);
      own(remote);
      expect(await pushOne(await opened())).toEqual({ kind: 'pushed' });
      expect(who()).toEqual([`${hook} ${UID} ${UID}`]);
    },
  );

  test('core.alternateRefsCommand and uploadpack.packObjectsHook run as them, or not at all', async () => {
    git(folder, 'clone', '-q', '--bare', remote, 'other.git');
    writeFileSync(join(remote, 'objects/info/alternates'), `${folder}/other.git/objects\n`);
    for (const key of ['core.alternateRefsCommand', 'uploadpack.packObjectsHook', 'core.fsmonitor']) {
      script(join(folder, key), key);
      git(remote, 'config', key, join(folder, key));
    }
    own(remote);
    own(join(folder, 'other.git'));
    expect(await pushOne(await opened())).toEqual({ kind: 'pushed' });
    expect(who().filter((line) => !line.endsWith(` ${UID} ${UID}`))).toEqual([]);
    expect(who().join()).toContain('core.alternateRefsCommand');
  });

  test('by a link, by file:// and with a work tree, it is its owner’s all the same', async () => {
    script(join(remote, 'hooks/update'), 'update');
    own(remote);
    symlinkSync(remote, join(folder, 'link'));
    expect(await pushOne(await opened(join(folder, 'link')))).toEqual({ kind: 'pushed' });
    expect(who()).toEqual([`update ${UID} ${UID}`]);
    own(join(folder, 'work'));
    const tree = await Repository.open(join(folder, 'second'), 'shop', `file://${folder}/work`, 'main');
    expect(await tree.isCheckedOut()).toBe(true);
    expect(await tree.fetch()).toMatchObject({ commit: expect.any(String) });
    expect(await pushOne(tree)).toMatchObject({ kind: 'refused' });
  });

  test('a secret of root’s that its owner points to is not fetched for them', async () => {
    const secret = join(folder, 'secret.git');
    execFileSync('cp', ['-r', remote, secret]);
    chmodSync(secret, 0o700);
    rmSync(join(remote, 'objects'), { recursive: true });
    mkdirSync(join(remote, 'objects/info'), { recursive: true });
    writeFileSync(join(remote, 'objects/info/alternates'), `${secret}/objects\n`);
    own(remote);
    expect(await (await opened()).fetch()).toMatchObject({ kind: 'failed' });
  });

  test.each([
    [
      'a hook that they own',
      () => {
        script(join(remote, 'hooks/update'), 'update');
        chownSync(join(remote, 'hooks/update'), UID, UID);
      },
    ],
    ['a configuration that anybody may write', () => chmodSync(join(remote, 'config'), 0o666)],
    ['a folder above that they own', () => chownSync(folder, UID, UID)],
  ])('root’s own repository with %s is not served as root', async (_, loosen) => {
    loosen();
    expect(await (await opened()).fetch()).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/belongs to root, and others may write .*chown/),
    });
    expect(who()).toEqual([]);
  });

  test('a whole factory merges there, and its hook is told as who it runs', {
    timeout: 120_000,
  }, async () => {
    const db = await testDatabase();
    await migrateQueue(db.url.migrator);
    const at = await scriptedFactory(
      db,
      { 'a.txt': 'a\n', 'package.json': '{"name":"shop"}\n' },
      {
        implement: () => ({ 'a.txt': 'b\n' }),
      },
    );
    try {
      chmodSync(at.root, 0o711);
      script(join(at.remote, 'hooks/post-receive'), 'post-receive');
      own(at.remote);
      expect((await at.api('POST', '/repos', { url: at.remote, name: 'shop' })).status).toBe(201);
      await at.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
      const { id } = (await at.api('POST', '/tickets', { repo: 'shop', markdown: '# Do it\n\nplease' })).body;
      const run = await at.until('its end', async () => {
        const [first] = (await at.api('GET', `/tickets/${id}`)).body.runs;
        const view = first && (await at.api('GET', `/runs/${first}`)).body;
        return view?.endedAt ? view : null;
      });
      expect(run.state).toBe('done');
      expect(who()).toEqual([`post-receive ${UID} ${UID}`]);
    } finally {
      await at.stop();
      await db.close();
    }
  });
});

test('a linked work tree, and an address that names no file, are refused with what to do', async () => {
  git(join(folder, 'work'), 'worktree', 'add', '-q', join(folder, 'linked'), '-b', 'other');
  expect(await (await opened(join(folder, 'linked'))).fetch()).toMatchObject({
    kind: 'failed',
    reason: expect.stringContaining('give the path of that one'),
  });
  expect(await (await opened('file:///a%2Fb.git')).fetch()).toMatchObject({
    kind: 'failed',
    reason: expect.stringContaining('names no file'),
  });
});

test('what is not there, and what is on another machine, git speaks for itself', async () => {
  const gone = await Repository.open(join(folder, 'gone'), 'shop', join(folder, 'nowhere.git'), 'main');
  expect(await gone.fetch()).toMatchObject({ kind: 'failed', code: 'not-git' });
  expect(await gone.isCheckedOut()).toBe(false);
});
