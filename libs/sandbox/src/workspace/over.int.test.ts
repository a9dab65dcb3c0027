import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { GitSha } from '@millwright/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chainOf, nth } from '../testing/bundle.ts';
import { testSandboxes } from '../testing/factory.ts';
import { within, withSandbox } from '../testing/sandbox.ts';
import type { Checkout } from './sandbox.ts';

// A tree that is unpacked as what differs from another is the same to whoever looks at it as one that was unpacked whole.

type Factory = Awaited<ReturnType<typeof testSandboxes>>;
let layered: Factory;
let whole: Factory;
let chain: Awaited<ReturnType<typeof chainOf>>;

const BASE = {
  'a.txt': '1\n',
  'd/x.txt': 'x\n',
  'd/y.txt': 'y\n',
  'gone/deep/f.txt': 'f\n',
  link: { link: 'a.txt' },
};
const NEXT = {
  'a.txt': '2\n',
  'd/x.txt': 'x\n',
  'new/n.sh': { script: '#!/bin/sh\n' },
  link: { link: 'd/x.txt' },
};

beforeAll(async () => {
  [layered, whole] = await Promise.all([testSandboxes({ overFrom: 0 }), testSandboxes()]);
  chain = await chainOf(BASE, NEXT, { ...NEXT, 'a.txt': '3\n' }, { ...NEXT, gone: 'a file now\n' });
});
afterAll(() => Promise.all([layered?.end(), whole?.end()]));

async function checkout({ sandboxes }: Factory, at: number): Promise<Checkout> {
  const out = await sandboxes.checkout(chain.bundles.slice(0, at + 1), nth(chain.trees, at));
  if (out.kind === 'refused') throw new Error(out.reason);
  return out.checkout;
}

/** Names, modes, owners, times and contents, and what git says; not in which packs it has it. */
function show(path: string): string {
  const files = 'find . -mindepth 1 -path ./.git -prune -o';
  const git = 'git -c safe.directory=* --git-dir=.git';
  const script = `cat .git/refs/heads/main .git/config; ${files} -printf '%P %M %U %T@ %l\\n' | sort; cat $(${files} -type f -print | sort); ${git} log --format='%T %s'; ${git} fsck --strict --no-dangling 2>&1; ${git} ls-files -s`;
  return execFileSync('sh', ['-c', script], { cwd: path, encoding: 'utf8' });
}

test('it has the same files, times and history, and takes the room of what differs', async () => {
  const base = await checkout(layered, 0);
  expect(base.over).toBeUndefined();
  for (const at of [1, 3]) {
    const next = await checkout(layered, at);
    expect(next.over?.on.path).toBe(base.path);
    expect(existsSync(join(next.over?.own ?? '', 'd/x.txt'))).toBe(false);
    expect(show(next.path)).toBe(show((await checkout(whole, at)).path));
  }
  // The second in the chain was had for the first tree that stands on it, and for no other.
  expect(chain.asked).toEqual([2, 2, 2, 2]);
  await withSandbox(layered.sandboxes, await checkout(layered, 1), { base }, async (sandbox) => {
    const said = await sandbox.exec(
      `git status --short; cat a.txt /base/a.txt; ls d gone 2>&1; git cat-file -e ${nth(chain.trees, 3)} || echo absent; git diff --stat HEAD~1 | tail -1`,
      within,
    );
    expect(said).toMatchObject({
      output: expect.stringMatching(/^2\n1\nls: .*gone.*\nd:\nx.txt\nabsent\n 5 files changed/),
    });
  });
});

test('what an agent makes of it is taken, and unpacked, as of any other', async () => {
  const made: Checkout[] = [];
  for (const factory of [layered, whole]) {
    const start = await checkout(factory, 1);
    await withSandbox(factory.sandboxes, start, {}, async (sandbox) => {
      await sandbox.exec(
        'echo 4 >a.txt; rm -r new; mkdir -p gone; echo g >gone/g.txt; git add -A; git commit -qm x',
        within,
      );
      const change = await sandbox.extract();
      if (change.kind !== 'change') throw new Error(change.kind);
      const there = await factory.sandboxes.unpacked(change.tree);
      if (there === null) throw new Error('it was not left unpacked');
      made.push(there);
    });
  }
  const [over, alone] = made as [Checkout, Checkout];
  expect([over.tree, over.over?.on.tree, alone.over]).toEqual([alone.tree, nth(chain.trees, 0), undefined]);
  expect(show(over.path)).toBe(show(alone.path));
  const of = { run: 'run_1', attempt: 'att_1', deps: null };
  const tars = [
    await layered.sandboxes.archive({ ...of, checkout: over }),
    await whole.sandboxes.archive({ ...of, checkout: alone }),
  ].map((one) => (one.kind === 'archive' ? Buffer.from(one.tar) : one.reason));
  expect(tars[0]).toEqual(tars[1]);
});

test('another process sees what is there, and what was kept broken is had anew', async () => {
  const { sandboxes, data } = layered;
  const other = await testSandboxes({ data, factory: 'other', incarnation: 'other-b', overFrom: 0 });
  try {
    const tree = nth(chain.trees, 1);
    const [mine, theirs] = [await sandboxes.unpacked(tree), await other.sandboxes.unpacked(tree)];
    expect(theirs?.path).not.toBe(mine?.path);
    expect(show(theirs?.path ?? '')).toBe(show(mine?.path ?? ''));
    const packs = join(data, 'runner/sources', chain.bundles[0]?.key ?? '', 'objects/pack');
    for (const name of readdirSync(packs)) truncateSync(join(packs, name), 16);
    const out = await other.sandboxes.checkout(chain.bundles.slice(0, 3), nth(chain.trees, 2) as GitSha);
    expect(out.kind).toBe('checkout');
    expect(other.events).toContainEqual(expect.objectContaining({ kind: 'source_doubted' }));
  } finally {
    await other.sandboxes.close();
  }
  expect(existsSync(join(data, 'runner/mounts/other-b'))).toBe(false);
});
