import { existsSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import type { Checkout } from '@millwright/sandbox';
import { bundleOf, nth, testSandboxes } from '@millwright/sandbox/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evict } from './layers.ts';

let factory: Awaited<ReturnType<typeof testSandboxes>>;
beforeAll(async () => {
  factory = await testSandboxes();
});
afterAll(() => factory.end());

const HOURS_7 = 7 * 3_600_000;

test('what was just unpacked, or used again, stays however many there are; what nobody used for hours goes', async () => {
  const { sandboxes, events } = factory;
  const { bundle, trees } = await bundleOf({ 'README.md': '# A\n' });
  const tree = nth(trees, 0);
  const made = await sandboxes.checkout(bundle, tree);
  if (made.kind === 'refused') throw new Error(made.reason);
  const opened = await sandboxes.open({
    ...{ run: 'run_1', attempt: 'att_1', purpose: 'test', checkout: made.checkout },
  });
  if (opened.kind === 'refused') throw new Error(opened.reason);
  const archive = await opened.sandbox.archive();
  await opened.sandbox.destroy();
  if (archive.kind === 'refused') throw new Error(archive.reason);
  const unpacked = await sandboxes.unpack(archive.tar);
  if (unpacked.kind === 'refused') throw new Error(unpacked.reason);
  const both: Checkout[] = [made.checkout, unpacked.checkout];
  const there = () => both.map(({ path }) => existsSync(path));

  await evict(sandboxes.engine, 0);
  expect(there()).toEqual([true, true]);

  const long = new Date(Date.now() - HOURS_7);
  for (const { path } of both) await utimes(path, long, long);
  await sandboxes.checkout(bundle, tree);
  await sandboxes.unpack(archive.tar);
  await evict(sandboxes.engine, 0);
  expect(there()).toEqual([true, true]);

  for (const { path } of both) await utimes(path, long, long);
  await evict(sandboxes.engine, 0);
  expect(there()).toEqual([false, false]);
  expect(events.filter(({ kind }) => kind === 'evicted')).toHaveLength(2);
});
