import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GitSha } from '@millwright/domain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleOf, nth } from '../testing/bundle.ts';
import { testSandboxes } from '../testing/factory.ts';
import { within, withSandbox } from '../testing/sandbox.ts';
import type { Checkout } from '../workspace/sandbox.ts';
import type { ExtractResult } from './extract.ts';

let factory: Awaited<ReturnType<typeof testSandboxes>>;
let start: Checkout;
let earlier: Checkout;
let bundle: Buffer;

const START = {
  'README.md': '# A\n',
  'src/a.js': 'export const a = 1;\n',
  'src/deep/b.js': 'export const b = 1;\n',
  'run.sh': { script: '#!/bin/sh\necho ran\n' },
  link: { link: 'src/a.js' },
  '.gitignore': 'ignored/\n*.log\n',
};

/** Runs `command` in a fresh sandbox and extracts what it did. */
async function changeOf(command: string, options: { from?: Checkout } = {}): Promise<ExtractResult> {
  let change: ExtractResult | undefined;
  await withSandbox(factory.sandboxes, start, {}, async (sandbox) => {
    const result = await sandbox.exec(`set -e\n${command}`, within);
    expect(result).toMatchObject({ kind: 'exited', exitCode: 0 });
    change = await sandbox.extract(options.from);
  });
  if (change === undefined) throw new Error('no change');
  return change;
}

beforeAll(async () => {
  factory = await testSandboxes();
  const made = await bundleOf(START, { ...START, 'src/a.js': 'export const a = 0;\n', 'gone.js': 'x\n' });
  bundle = made.bundle;
  const checkouts = [];
  for (const tree of made.trees) {
    const result = await factory.sandboxes.checkout(bundle, tree);
    if (result.kind === 'refused') throw new Error(result.reason);
    checkouts.push(result.checkout);
  }
  [start, earlier] = checkouts as [Checkout, Checkout];
});
afterAll(() => factory.end());

/** What host git makes of base and patch in a bare repository: the orchestrator's own computation. */
async function treeByHost(base: string, patch: Uint8Array): Promise<{ tree: string; patchId: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-host-'));
  const env = {
    PATH: process.env.PATH,
    GIT_DIR: join(folder, 'git'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
  };
  const git = (args: string[], input?: Uint8Array) =>
    execFileSync('git', args, { env, cwd: folder, ...(input === undefined ? {} : { input }) })
      .toString()
      .trim();
  try {
    git(['init', '-q', '--bare']);
    await writeFile(join(folder, 'bundle'), bundle);
    git(['fetch', '-q', join(folder, 'bundle'), 'refs/snapshots/*:refs/snapshots/*']);
    git(['read-tree', base]);
    git(['apply', '--cached', '--whitespace=nowarn', '-'], patch);
    return { tree: git(['write-tree']), patchId: git(['patch-id', '--verbatim'], patch).split(' ')[0] ?? '' };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('what changed', () => {
  test('every kind of change, to the byte: the tree is the one that host git computes from the patch', async () => {
    const change = await changeOf(`
      echo more >> src/a.js; rm README.md; chmod +x src/deep/b.js; chmod -x run.sh
      rm link; ln -s deep/b.js src/rel; mkdir -p new/dir; printf 'no newline' > 'new/dir/a file é'
      head -c 3000 /dev/urandom > bin; printf 'a\\r\\nb\\r\\n' > crlf.txt; echo x > '-rf'; rm -r src/deep; echo file > src/deep
      mkdir ignored; echo x > ignored/x; echo x > y.log`);
    if (change.kind !== 'change') throw new Error(JSON.stringify(change));
    expect(change.baseTree).toBe(start.tree);
    expect(change.paths.map(({ path, status }) => `${status} ${path}`)).toEqual([
      'added -rf',
      'deleted README.md',
      'added bin',
      'added crlf.txt',
      'deleted link',
      'added new/dir/a file é',
      'modified run.sh',
      'modified src/a.js',
      'added src/deep',
      'deleted src/deep/b.js',
      'added src/rel',
    ]);
    expect(await treeByHost(start.tree, change.patch)).toEqual({
      tree: change.tree,
      patchId: change.patchId,
    });
  });

  test('what it comes to is a checkout afterwards, the same as one from a bundle, its commit included', async () => {
    const own = await testSandboxes();
    try {
      const from = await own.sandboxes.checkout(bundle, start.tree as GitSha);
      if (from.kind === 'refused') throw new Error(from.reason);
      await withSandbox(own.sandboxes, from.checkout, {}, async (sandbox) => {
        await sandbox.exec(
          "echo 'export const a = 0;' > src/a.js; echo x > gone.js; chmod 600 gone.js",
          within,
        );
        expect(await sandbox.extract()).toMatchObject({ kind: 'change', tree: earlier.tree });
      });
      const made = await own.sandboxes.unpacked(earlier.tree as GitSha);
      if (made === null) throw new Error('it was not left unpacked');
      const show = (path: string) => {
        const files = 'find . -mindepth 1 -path ./.git -prune -o';
        const script = `cat .git/refs/heads/main .git/config; ${files} -printf '%P %M %U %T@ %l\\n' | sort; cat $(${files} -type f -print | sort)`;
        return execFileSync('sh', ['-c', script], { cwd: path, encoding: 'utf8' });
      };
      expect(show(made.path)).toBe(show(earlier.path));
    } finally {
      await own.end();
    }
  });

  test('nothing, when nothing was changed; a file put back is nothing', async () => {
    expect(await changeOf('touch src/a.js; cp src/a.js x; mv x src/a.js; git status')).toEqual({
      kind: 'empty',
    });
  });

  test('a change that keeps size and time is seen', async () => {
    const change = await changeOf('touch -r src/a.js t; sed -i s/1/2/ src/a.js; touch -r t src/a.js; rm t');
    expect(change).toMatchObject({ kind: 'change', paths: [{ path: 'src/a.js', added: 1, removed: 1 }] });
  });

  test('measured against another tree than the one it started from', async () => {
    const change = await changeOf('echo new > new.js', { from: earlier });
    expect(change).toMatchObject({
      kind: 'change',
      baseTree: earlier.tree,
      paths: [
        { path: 'gone.js', status: 'deleted' },
        { path: 'new.js', status: 'added' },
        { path: 'src/a.js', status: 'modified' },
      ],
    });
    expect(
      await changeOf('echo "export const a = 0;" > src/a.js; echo x > gone.js', { from: earlier }),
    ).toEqual({
      kind: 'empty',
    });
  });
});

describe('what the workspace says of git', () => {
  test('has no say, and runs nothing', async () => {
    const mark = join(factory.data, 'marked');
    const evil = `#!/bin/sh\ntouch ${mark} /workspace/pwned /tmp/pwned; cat`;
    const change = await changeOf(`
      cat > evil.sh <<'END'\n${evil}\nEND
      chmod +x evil.sh; evil=/workspace/evil.sh
      for hook in pre-commit post-checkout post-index-change fsmonitor-watchman reference-transaction; do cp evil.sh .git/hooks/$hook 2>/dev/null || { mkdir -p .git/hooks; cp evil.sh .git/hooks/$hook; }; done
      git config core.hooksPath /workspace/.git/hooks; git config core.fsmonitor $evil
      git config filter.evil.clean $evil; git config filter.evil.smudge $evil; git config filter.evil.process $evil
      git config diff.evil.textconv $evil; git config diff.evil.command $evil; git config diff.external $evil
      git config core.excludesFile /workspace/.excludes; echo '*' > .excludes; echo '*' > .git/info/exclude
      git config core.autocrlf true; git config core.pager $evil; git config alias.write-tree "!$evil"
      printf '* filter=evil diff=evil text eol=crlf ident\\n*.js -diff\\n' > .gitattributes
      printf '[core]\\n fsmonitor = %s\\n' $evil > ~/.gitconfig
      printf '$Id$\\n' > id.txt; printf 'a\\r\\n' > dos.txt; echo 'changed' > src/a.js
      git update-index --assume-unchanged src/a.js; git update-index --skip-worktree run.sh; echo x >> run.sh
      rm -f pwned /tmp/pwned`);
    if (change.kind !== 'change') throw new Error(JSON.stringify(change));
    expect(change.paths.map(({ path }) => path)).toEqual([
      '.excludes',
      '.gitattributes',
      'dos.txt',
      'evil.sh',
      'id.txt',
      'run.sh',
      'src/a.js',
    ]);
    const patch = Buffer.from(change.patch).toString('latin1');
    // Attributes would have made these a binary patch, an expanded keyword, other line ends.
    expect(patch).toContain('-export const a = 1;\n+changed\n');
    expect(patch).toContain('+$Id$\n');
    expect(patch).toContain('+a\r\n');
    expect(await treeByHost(start.tree, change.patch)).toMatchObject({ tree: change.tree });
    expect(existsSync(mark)).toBe(false);
  });

  test('a .git that is not git is left alone', async () => {
    const change = await changeOf('rm -rf .git; ln -s /etc .git; echo x > x');
    expect(change).toMatchObject({ kind: 'change', paths: [{ path: 'x' }] });
    expect(
      await changeOf('rm -rf .git; mkdir .git; mkfifo .git/HEAD .git/config; rm -rf .git; echo x > .git'),
    ).toEqual({
      kind: 'empty',
    });
  });
});

describe('what may not leave', () => {
  const cases: [name: string, command: string, code: string][] = [
    ['an absolute link', 'ln -s /etc/passwd p', 'link_escapes'],
    ['a link upwards', 'ln -s ../../x src/p', 'link_escapes'],
    ['a link through a link', 'ln -s src d; ln -s d/../../x p', 'link_escapes'],
    ['a link into .git', 'ln -s .git/config p', 'git_path'],
    [
      'a repository inside',
      'git init -q sub; cd sub; git -c user.name=a -c user.email=a@b.invalid commit -q --allow-empty -m x; touch y',
      'submodule',
    ],
    ['.GIT', 'mkdir .GIT; echo x > .GIT/config', 'git_path'],
    ['git~1', 'mkdir git~1; echo x > git~1/config', 'git_path'],
    ['a name with a line break', `echo x > "$(printf 'a\\nb')"`, 'bad_path'],
    ['a name that is not UTF-8', `echo x > "$(printf 'a\\377b')"`, 'bad_path'],
    ['a pipe in place of a file', 'rm src/a.js; mkfifo src/a.js', 'unreadable'],
    ['a pipe named .gitignore', 'rm .gitignore; mkfifo .gitignore', 'unreadable'],
    [
      'a pipe named .gitignore in a folder',
      'mkdir -p src/deep; mkfifo src/deep/.gitignore; echo x > src/deep/y',
      'unreadable',
    ],
    [
      'a socket named .gitignore',
      "rm .gitignore; node -e \"require('net').createServer().listen('.gitignore', () => process.exit(0))\"; ls -l .gitignore; echo x > y",
      'unreadable',
    ],
    ['a .gitignore of megabytes', 'yes "*a*a*a*a*b" | head -c 9M > .gitignore', 'unreadable'],
    ['a file of gigabytes that are not there', 'truncate -s 40G src/big', 'too_large'],
    ['a tracked file of gigabytes that are not there', 'truncate -s 40G src/a.js', 'too_large'],
    ['a file that cannot be read', 'echo x > x; chmod 000 x', 'unreadable'],
    ['too many files', 'mkdir m; cd m; seq 1 2001 | xargs touch', 'too_many_paths'],
    ['too many bytes', 'yes 0123456789 | head -c 21M > big', 'too_large'],
  ];
  test.each(cases)('%s', async (_name, command, code) => {
    expect(await changeOf(command)).toMatchObject({ kind: 'refused', code });
  });

  test('a pipe of any other name, and what is ignored, however large, is left out', async () => {
    expect(await changeOf('mkfifo src/pipe; mkdir ignored; truncate -s 40G ignored/big')).toEqual({
      kind: 'empty',
    });
  });

  test('a .gitignore that is a link is refused, and not followed', async () => {
    expect(await changeOf('rm .gitignore; ln -s /etc/passwd .gitignore')).toMatchObject({ kind: 'refused' });
  });
});

describe('checkout', () => {
  test('holds one tree and no other of the bundle', () =>
    withSandbox(factory.sandboxes, start, {}, async (sandbox) => {
      const objects = await sandbox.exec(
        `git cat-file --batch-all-objects --batch-check | wc -l; git cat-file -e ${earlier.tree} || echo absent; git log --oneline | wc -l`,
        within,
      );
      // 1 commit, 3 trees, 6 blobs.
      expect(objects).toHaveProperty('output', expect.stringMatching(/^10\nabsent\n1\n$/));
    }));

  test('is the tree, byte for byte, whatever its attributes say', async () => {
    const { bundle: odd, trees } = await bundleOf({
      '.gitattributes': '* text eol=crlf ident filter=lfs working-tree-encoding=UTF-16\n',
      'a.txt': '$Id$\nb\n',
    });
    const result = await factory.sandboxes.checkout(odd, nth(trees, 0));
    if (result.kind === 'refused') throw new Error(result.reason);
    await withSandbox(factory.sandboxes, result.checkout, {}, async (sandbox) => {
      expect(await sandbox.exec('cat a.txt; git status --short', within)).toMatchObject({
        output: '$Id$\nb\n',
      });
      expect(await sandbox.extract()).toEqual({ kind: 'empty' });
    });
  });

  test('a bundle that does not hold the tree, or is none, is refused and leaves nothing', async () => {
    const other = nth((await bundleOf({ 'other.txt': 'x' })).trees, 0);
    expect(await factory.sandboxes.checkout(bundle, other)).toMatchObject({
      kind: 'refused',
      code: 'bad_bundle',
    });
    expect(await factory.sandboxes.checkout(Buffer.from('no bundle'), other)).toMatchObject({
      code: 'bad_bundle',
    });
    expect(existsSync(join(factory.data, 'runner/checkouts', other))).toBe(false);
  });
});
