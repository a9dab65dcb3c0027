import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommitAndTree, Digest, GitSha } from '@millwright/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remoteUrl } from './remote-url.ts';
import { Repository } from './repository.ts';
import type { Source } from './sources.ts';

const root = mkdtempSync(join(tmpdir(), 'millwright-git-'));
const remote = join(root, 'remote.git');
const work = join(root, 'work');
const sh = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
const commitAll = (message: string) => {
  sh(work, 'add', '-A');
  sh(work, 'commit', '-qm', message);
  sh(work, 'push', '-q', 'origin', 'HEAD:main');
  return sh(work, 'rev-parse', 'HEAD');
};

let repo: Repository;
let base: CommitAndTree;

beforeAll(async () => {
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', remote]);
  execFileSync('git', ['init', '-q', '-b', 'main', work]);
  sh(work, 'remote', 'add', 'origin', remote);
  writeFileSync(join(work, 'a.txt'), 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n');
  commitAll('first');
  repo = await Repository.open(join(root, 'factory'), 'shop', remote, 'main');
  base = (await repo.fetch()) as CommitAndTree;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const textAt = async (tree: CommitAndTree['tree']): Promise<string> => {
  const found = await repo.file(tree, 'a.txt', 1_000);
  return found.kind === 'file' ? found.text : '';
};

/** A change to a.txt as a patch against `from`, made with another git. */
const edit = async (from: CommitAndTree, find: string, put: string): Promise<CommitAndTree> => {
  const text = (await textAt(from.tree)).replace(find, put);
  const blob = await repo.git.text(['hash-object', '-w', '--stdin'], { input: Buffer.from(text) });
  const tree = await repo.git.text(['mktree'], { input: Buffer.from(`100644 blob ${blob}\ta.txt\n`) });
  const patch = await repo.diff(from.tree, tree as never);
  const applied = await repo.apply(from.tree, patch);
  expect(applied).toBe(tree);
  return { commit: await repo.commit(tree as never, from.commit, 'edit', 0), tree: tree as never };
};

describe("the factory's bare copy of a repository", () => {
  it('is fetched by many at once while the branch moves, and none of them fails or is behind', async () => {
    const moving = join(root, 'moving.git');
    sh(root, 'clone', '-q', '--bare', remote, moving);
    const other = await Repository.open(join(root, 'many'), 'many', moving, 'main');
    const by = join(root, 'by');
    sh(root, 'clone', '-q', moving, by);
    for (let round = 1; round <= 4; round += 1) {
      const before = other.fetch();
      sh(by, 'commit', '-q', '--allow-empty', '-m', `round ${round}`);
      sh(by, 'push', '-q', 'origin', 'HEAD:main');
      const moved = sh(by, 'rev-parse', 'HEAD');
      const seen = await Promise.all(Array.from({ length: 12 }, () => other.fetch()));
      expect(new Set(seen.map((one) => ('kind' in one ? one.reason : one.commit)))).toEqual(new Set([moved]));
      expect(await before).not.toHaveProperty('kind');
    }
  });

  it('refuses a patch that does not fit or leaves the tree', async () => {
    expect(
      await repo.apply(base.tree, Buffer.from('--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-nope\n+x\n')),
    ).toBeNull();
    expect(
      await repo.apply(base.tree, Buffer.from('--- /dev/null\n+++ b/../escape\n@@ -0,0 +1 @@\n+x\n')),
    ).toBeNull();
    expect(
      await repo.apply(base.tree, Buffer.from('--- /dev/null\n+++ b/.git/hooks/x\n@@ -0,0 +1 @@\n+x\n')),
    ).toBeNull();
  });

  it('integrates side-by-side changes and shows a conflict with its markers', async () => {
    const first = await edit(base, 'one', 'ONE');
    const second = await edit(base, 'seven', 'SEVEN');
    const merged = await repo.merge(base.commit, first.commit, second.commit, 'both', 0);
    expect(merged.kind).toBe('merged');
    expect(await textAt(merged.tree)).toContain('ONE\ntwo\nthree\nfour\nfive\nsix\nSEVEN');
    const other = await edit(base, 'one', 'uno');
    const conflict = await repo.merge(base.commit, first.commit, other.commit, 'both', 0);
    expect(conflict).toMatchObject({ kind: 'conflict', paths: ['a.txt'] });
    expect(conflict.kind === 'conflict' && conflict.message).toMatch(/CONFLICT \(content\)/);
    expect(await textAt(conflict.tree)).toMatch(/^<<<<<<< the base$[\s\S]*^>>>>>>> the change$/m);
    expect(await repo.changed(base.tree, first.tree)).toEqual([
      { path: 'a.txt', status: 'modified', added: 1, removed: 1 },
    ]);
  });

  it('pushes only a fast-forward from exactly the base, finds a moved base, keeps the patch-id over a rebase, and reverts', async () => {
    const change = await edit(base, 'seven', 'SEVEN');
    writeFileSync(join(work, 'b.txt'), 'b\n');
    commitAll('meanwhile');
    expect(await repo.push(change.commit, base.commit)).toMatchObject({ kind: 'moved' });
    const moved = (await repo.fetch()) as CommitAndTree;
    const rebased = await repo.merge(base.commit, moved.commit, change.commit, 'rebased', 0);
    if (rebased.kind !== 'merged') throw new Error('conflict');
    expect(await repo.patchId(moved.commit, rebased.commit)).toBe(
      await repo.patchId(base.commit, change.commit),
    );
    expect(await repo.push(rebased.commit, moved.commit)).toEqual({ kind: 'pushed' });
    const { commit, tree } = rebased;
    expect(await repo.fetch()).toEqual({ commit, tree });
    expect(await repo.isAncestor(moved.commit, commit)).toBe(true);
    expect(await repo.isAncestor(commit, moved.commit)).toBe(false);
    expect(await repo.isAncestor(base.commit, commit)).toBe(true);
    const undone = await repo.revert(rebased.commit, rebased.commit, 'Revert', 0);
    expect(undone).toMatchObject({ kind: 'merged', tree: moved.tree });
    await expect(repo.push(base.commit, rebased.commit)).rejects.toThrow(/does not stand on/);
  });

  it('delivers a branch, and says when the remote refuses', async () => {
    const change = await edit(base, 'two', 'TWO');
    expect(await repo.pushBranch(change.commit, 'millwright/x')).toEqual({ kind: 'pushed' });
    mkdirSync(join(remote, 'hooks'), { recursive: true });
    writeFileSync(join(remote, 'hooks', 'pre-receive'), '#!/bin/sh\necho protected >&2\nexit 1\n');
    chmodSync(join(remote, 'hooks', 'pre-receive'), 0o755);
    expect(await repo.pushBranch(change.commit, 'millwright/y')).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/pre-receive hook declined.*; protected/),
    });
    rmSync(join(remote, 'hooks', 'pre-receive'));
  });

  it('reads a push back: a remote that puts its branch back afterwards has not been pushed to', async () => {
    const hook = join(remote, 'hooks', 'post-receive');
    const head = (await repo.fetch()) as CommitAndTree;
    const change = await edit(head, 'three', 'THREE');
    const after = (script: string) => {
      writeFileSync(hook, `#!/bin/sh\nwhile read old new ref; do ${script}; done\n`);
      chmodSync(hook, 0o755);
    };
    after('git update-ref $ref $old');
    expect(await repo.push(change.commit, head.commit)).toEqual({
      kind: 'refused',
      reason: `the remote took the push and put main back to ${head.commit}`,
    });
    expect(await repo.fetch()).toEqual(head);
    after('git update-ref -d $ref');
    expect(await repo.pushBranch(change.commit, 'millwright/z')).toMatchObject({ kind: 'refused' });
    const above = 'git -c user.name=t -c user.email=t@l commit-tree -m more';
    after(`git update-ref $ref $(${above} -p $new $new^{tree})`);
    expect(await repo.push(change.commit, head.commit)).toEqual({ kind: 'pushed' });
    const next = (await repo.fetch()) as CommitAndTree;
    expect(await repo.isAncestor(change.commit, next.commit)).toBe(true);
    const over = await edit(next, 'four', 'FOUR');
    after(`git update-ref $ref $(${above} -p $old $new^{tree})`);
    expect(await repo.push(over.commit, next.commit)).toMatchObject({ kind: 'moved' });
    rmSync(hook);
    sh(remote, 'update-ref', 'refs/heads/main', head.commit);
  });

  it('reads a push back whose answer was lost; what is not there then is tried again, and refused only where the remote says so', async () => {
    const hook = join(remote, 'hooks', 'update');
    const says = (script: string) => {
      writeFileSync(hook, `#!/bin/sh\n${script}\n`);
      chmodSync(hook, 0o755);
    };
    const head = (await repo.fetch()) as CommitAndTree;
    const change = await edit(head, 'five', 'FIVE');
    says('kill -9 $PPID');
    await expect(repo.push(change.commit, head.commit)).rejects.toMatchObject({ disposition: 'retryable' });
    await expect(repo.pushBranch(change.commit, 'millwright/lost')).rejects.toMatchObject({ code: 'remote' });
    says('git update-ref $1 $3; kill -9 $PPID');
    expect(await repo.push(change.commit, head.commit)).toEqual({ kind: 'pushed' });
    expect(await repo.pushBranch(change.commit, 'millwright/lost')).toEqual({ kind: 'pushed' });
    expect(await repo.pushBranch(change.commit, 'millwright/lost')).toEqual({ kind: 'pushed' });
    expect(await repo.pushBranch(head.commit, 'millwright/lost')).toMatchObject({ kind: 'moved' });
    rmSync(hook);
    renameSync(remote, `${remote}.away`);
    await expect(repo.remoteHead('main')).rejects.toMatchObject({ disposition: 'retryable' });
    await expect(repo.push(head.commit, head.commit)).rejects.toMatchObject({ disposition: 'retryable' });
    renameSync(`${remote}.away`, remote);
    sh(remote, 'update-ref', 'refs/heads/main', head.commit);
  });

  it('carries over what a change does, and nothing of a base that was taken off since', async () => {
    const head = (await repo.fetch()) as CommitAndTree;
    const bad = await edit(head, 'six', 'BAD');
    const change = await edit(bad, 'one', 'ONE');
    const carried = await repo.merge(bad.commit, head.commit, change.commit, 'carried', 0);
    const text = await textAt(carried.tree);
    expect(carried.kind).toBe('merged');
    expect(text).toContain('ONE');
    expect(text).not.toContain('BAD');
    const twice = await edit(bad, 'BAD', 'WORSE');
    expect(await repo.merge(bad.commit, head.commit, twice.commit, 'carried', 0)).toMatchObject({
      kind: 'conflict',
      paths: ['a.txt'],
    });
  });

  it('does not take a history that cannot be read for one without the commit', async () => {
    await expect(repo.isAncestor('1'.repeat(40) as never, base.commit)).rejects.toThrow(
      /git merge-base failed/,
    );
  });

  it('fetches a branch that moved, forth or back, and nothing where it stands still', async () => {
    writeFileSync(join(work, 'c.txt'), 'c\n');
    sh(work, 'pull', '-q', '--rebase', 'origin', 'main');
    const moved = commitAll('once more');
    expect(await repo.fetch()).toMatchObject({ commit: moved });
    const ref = 'refs/remotes/origin/main';
    await repo.git.must(['update-ref', '-d', ref]);
    expect(await repo.fetch()).toMatchObject({ commit: moved });
    expect(await repo.git.text(['for-each-ref', ref])).toBe('');
    sh(work, 'push', '-qf', 'origin', 'HEAD~2:main');
    expect(await repo.fetch()).toEqual(await repo.at(`${moved}~2`));
    expect(await repo.git.text(['for-each-ref', ref])).not.toBe('');
  });

  it('names the submodules and the files in Git LFS that a tree has, and no more', async () => {
    const blob = (text: string) =>
      repo.git.text(['hash-object', '-w', '--stdin'], { input: Buffer.from(text) });
    const tree = async (...lines: string[]) =>
      (await repo.git.text(['mktree', '--missing'], {
        input: Buffer.from(`${lines.join('\n')}\n`),
      })) as never;
    const pointer = await blob('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n');
    const plain = await blob('an image\n');
    const attributes = await blob('# *.txt filter=lfs\n*.bin filter=lfs -text\n"/a b.psd" filter=lfs\n');
    const modules = await blob('[submodule "x"]\n\tpath = x\n[submodule "y"]\n\tpath = "y"\n');
    const below = await tree(
      `100644 blob ${attributes}\t.gitattributes`,
      ...[`100644 blob ${pointer}\tone.bin`, `100644 blob ${plain}\ttwo.bin`],
      ...[`100644 blob ${pointer}\ta b.psd`, `100644 blob ${pointer}\tnotes.txt`],
    );
    const whole = await tree(
      ...[`100644 blob ${modules}\t.gitmodules`, `160000 commit ${base.commit}\tx`],
      ...[`100644 blob ${plain}\ty`, `040000 tree ${below}\td[1]`, `100644 blob ${pointer}\tother.bin`],
    );
    expect(await repo.elsewhere(whole)).toEqual({
      submodules: ['x'],
      lfs: ['d[1]/a b.psd', 'd[1]/one.bin'],
    });
    expect(await repo.elsewhere(base.tree)).toEqual({ submodules: [], lfs: [] });
  });

  describe('what an attempt is given', () => {
    /** Artifacts in memory. */
    const kept = () => {
      const held = new Map<string, Uint8Array>();
      const put = async (bytes: Uint8Array) => {
        const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
        held.set(digest, bytes);
        return digest as Digest;
      };
      return { held, put, has: async (digest: Digest) => held.has(digest) };
    };
    type Store = ReturnType<typeof kept>;
    const fresh = async (name: string) => {
      const one = await Repository.open(join(root, 'sources'), name, remote, 'main');
      await one.fetch();
      const refs = ['base', 'next', 'change', 'aside'].map((ref) => `refs/test/${ref}`);
      await one.git.must(['fetch', '-q', '--no-tags', repo.git.dir, ...refs]);
      return one;
    };
    /** A commit of its own with one more file. */
    const put = async (name: string, from: CommitAndTree): Promise<CommitAndTree> => {
      const listed = await repo.git.text(['ls-tree', from.tree]);
      const blob = await repo.git.text(['hash-object', '-w', '--stdin'], { input: Buffer.from(`${name}\n`) });
      const lines = `${listed}\n100644 blob ${blob}\t${name}.txt\n`;
      const tree = (await repo.git.text(['mktree'], { input: Buffer.from(lines) })) as GitSha;
      const commit = await repo.commit(tree, from.commit, `adds ${name}`, 1_000);
      await repo.git.must(['update-ref', `refs/test/${name}`, commit]);
      return { commit, tree };
    };
    /** What whoever gets these bundles, and nothing else, has of a tree: the titles and trees that led to it. */
    const clone = (store: Store, { bundle, on }: Source, tree: GitSha, alone = false) => {
      const into = mkdtempSync(join(root, 'clone-'));
      execFileSync('git', ['init', '-q', '--bare', into]);
      for (const digest of alone ? [bundle] : [...on, bundle]) {
        writeFileSync(join(into, 'one.bundle'), store.held.get(digest) ?? '');
        sh(into, 'fetch', '-q', join(into, 'one.bundle'), '+refs/*:refs/*');
      }
      sh(into, 'fsck', '--strict');
      return sh(into, 'log', '--format=%T %an %ae %at %s', `refs/history/${tree}`);
    };
    let next: CommitAndTree;
    let change: CommitAndTree;
    let aside: CommitAndTree;
    beforeAll(async () => {
      await repo.git.must(['update-ref', 'refs/test/base', base.commit]);
      next = await put('next', base);
      change = await put('change', next);
      aside = await put('aside', base);
    });

    it('is the branch once, then what is new on it, then what is new in the run', async () => {
      const one = await fresh('thin');
      const store = kept();
      const log = (of: GitSha) =>
        one.git.text(['log', '--first-parent', '-20', '--format=%T %an %ae %at %s', of]);
      const whole = await one.source([base.tree], base.commit, store);
      expect(whole.on).toEqual([]);
      expect(clone(store, whole, base.tree)).toBe(await log(base.commit));
      const grown = await one.source([next.tree], next.commit, store);
      expect(grown.on).toEqual([whole.bundle]);
      expect(clone(store, grown, next.tree)).toBe(await log(next.commit));
      expect(() => clone(store, grown, next.tree, true)).toThrow(/prerequisite|lacks/);
      const own = await one.source([next.tree, change.tree], next.commit, store);
      expect(own.on).toEqual([whole.bundle, grown.bundle]);
      expect(clone(store, own, change.tree)).toMatch(
        new RegExp(`^${change.tree} .* The work so far\n${next.tree} `),
      );
      // A run on the older commit does not get what came after it.
      const older = await one.source([base.tree, aside.tree], base.commit, store);
      expect(older.on).toEqual([whole.bundle]);
      // A commit that the branch did not come from begins anew.
      expect((await one.source([aside.tree], aside.commit, store)).on).toEqual([]);
      expect(store.held.size).toBe(5);
    });

    it('is known again after a restart, and made anew where the database has it no more', async () => {
      const store = kept();
      const first = await (await fresh('again')).source([base.tree], base.commit, store);
      const again = await (await fresh('again')).source([next.tree], next.commit, store);
      expect(again.on).toEqual([first.bundle]);
      store.held.delete(again.bundle);
      expect((await (await fresh('again')).source([next.tree], next.commit, store)).on).toEqual([
        first.bundle,
      ]);
      store.held.clear();
      expect((await (await fresh('again')).source([next.tree], next.commit, store)).on).toEqual([]);
    });

    it('leaves out what happened in between when that is much, and says so', async () => {
      const one = await fresh('gap');
      const store = kept();
      await one.source([base.tree], base.commit, store);
      const stream = Array.from({ length: 25 }, (_, nth) => {
        const from = nth === 0 ? `from ${next.commit}\n` : '';
        const message = `no. ${nth}`;
        return `commit refs/test/far\ncommitter a <a@b> ${nth} +0000\ndata ${message.length}\n${message}\n${from}\n`;
      });
      await one.git.must(['fast-import', '--quiet'], { input: Buffer.from(stream.join('')) });
      const far = await one.at('refs/test/far');
      const { on, bundle } = await one.source([far.tree], far.commit, store);
      expect(on).toHaveLength(1);
      const titles = clone(store, { on, bundle }, far.tree).split('\n');
      expect(titles[0]).toContain('no. 24');
      expect(titles[20]).toContain('6 commits that are not shown');
    });
  });

  it('says why a repository cannot be used', async () => {
    const at = async (url: string, branch = 'main') =>
      (await Repository.open(join(root, 'f2'), 'x', url, branch)).fetch();
    expect(await at(join(root, 'nowhere'))).toMatchObject({ kind: 'failed', code: 'not-git' });
    expect(await at(remote, 'none')).toMatchObject({
      kind: 'failed',
      code: 'no-branch',
      reason: expect.stringContaining('main'),
    });
    execFileSync('git', ['init', '-q', '--bare', join(root, 'empty.git')]);
    expect(await at(join(root, 'empty.git'))).toMatchObject({ kind: 'failed', code: 'empty' });
  });
});

describe('remoteUrl', () => {
  it.each([
    'ext::sh -c touch% /tmp/x',
    'fd::17',
    'git://host/x',
    'http://host/x',
    'relative/path',
    '-oProxyCommand=x',
    '--upload-pack=x',
    'file://host/x\nb',
    'https://user:token@host/x.git',
    'https://ghp_0123456789abcdefghijklmnopqrstuvwxyz@host/x.git',
    'HTTPS://Token@host/x.git',
    'https://@token@host/x.git',
    'https://%74oken@host/x.git',
    'https://host/x.git?private_token=glpat-x',
    'https://host/x.git#access_token=x',
    'ssh://git:token@host/x.git',
    'git:token@host:x.git',
    'git@host:x.git?private_token=x',
    'https://host',
  ])('refuses %s', (url) => {
    expect(remoteUrl(url)).toMatchObject({ kind: 'refused' });
  });
  it.each([
    '/srv/x.git',
    'file:///srv/x.git',
    '/srv/x#1?.git',
    'HTTPS://host:8443/x.git',
    'https://host/x.git',
    'ssh://git@host/x',
    'git@host:team/x.git',
  ])('takes %s', (url) => {
    expect(remoteUrl(url)).toMatchObject({ kind: 'url' });
  });
});
