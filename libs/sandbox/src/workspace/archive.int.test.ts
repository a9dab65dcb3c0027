import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleOf, nth } from '../testing/bundle.ts';
import { testSandboxes } from '../testing/factory.ts';
import { withSandbox } from '../testing/sandbox.ts';
import type { Checkout } from './sandbox.ts';

let factory: Awaited<ReturnType<typeof testSandboxes>>;
let checkout: Checkout;
beforeAll(async () => {
  factory = await testSandboxes();
  const { bundle, trees } = await bundleOf({ 'README.md': '# A\n', 'src/a.js': 'export const a = 1;\n' });
  const result = await factory.sandboxes.checkout(bundle, nth(trees, 0));
  if (result.kind === 'refused') throw new Error(result.reason);
  checkout = result.checkout;
});
afterAll(() => factory.end());

test.each([false, true])(
  'a tree in which nothing ran is archived without a sandbox, to the byte (dependencies: %s)',
  async (has) => {
    const folder = join(factory.data, `deps-${has}`);
    await mkdir(join(folder, 'node_modules/a'), { recursive: true });
    await writeFile(join(folder, 'node_modules/a/index.js'), '1;\n');
    const deps = has ? { key: 'a', path: folder, created: ['node_modules'] } : null;
    const plain = await factory.sandboxes.archive({ run: 'run_1', attempt: 'att_1', checkout, deps });
    if (plain.kind !== 'archive') throw new Error(plain.reason);
    await withSandbox(factory.sandboxes, checkout, { deps }, async (sandbox) => {
      const made = await sandbox.archive();
      if (made.kind !== 'archive') throw new Error(made.reason);
      expect(Buffer.from(plain.tar).equals(Buffer.from(made.tar))).toBe(true);
      expect(Buffer.from(plain.tar).includes('node_modules/a/index.js')).toBe(has);
    });
    // What was archived lies unpacked already: the same as when the bytes alone are unpacked, which another runner does.
    const unpacked = await factory.sandboxes.unpack(plain.tar);
    if (unpacked.kind === 'refused') throw new Error(unpacked.reason);
    const list = () =>
      execFileSync('find', [
        unpacked.checkout.path,
        '-mindepth',
        '1',
        '-printf',
        '%P %M %U %T@ %s\n',
      ]).toString();
    const first = list();
    await rm(unpacked.checkout.path, { recursive: true });
    await factory.sandboxes.unpack(plain.tar);
    expect(list().split('\n').sort()).toEqual(first.split('\n').sort());
    expect(first.includes('node_modules/a/index.js')).toBe(has);
  },
);

test('what is archived ahead is the same to the byte, and as bounded', async () => {
  const of = { run: 'run_1', attempt: 'att_1', checkout, deps: null };
  const { sandboxes } = factory;
  const asked = await sandboxes.archive(of);
  sandboxes.archiveAhead(of);
  expect(await sandboxes.archive({ ...of, attempt: 'att_2' }, { maxBytes: 64 * 1_048_576 })).toEqual(asked);
  sandboxes.archiveAhead(of);
  expect(await sandboxes.archive(of, { maxBytes: 100 })).toMatchObject({ code: 'too_large' });
  sandboxes.archiveAhead({ ...of, checkout: { tree: 'gone', path: join(factory.data, 'gone') } });
  const without = await sandboxes.archive(of, { exclude: ['src'] });
  expect(without.kind === 'archive' && Buffer.from(without.tar).includes('a.js')).toBe(false);
});
