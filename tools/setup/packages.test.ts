import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packagesMatch, pinnedNode } from './packages.mjs';

const SOUND = {
  '': { name: 'x' },
  'libs/a': { version: '1.0.0' },
  'node_modules/@x/a': { resolved: 'libs/a', link: true },
  'node_modules/zod': { version: '4.0.0', integrity: 'sha512-a' },
  'node_modules/only-darwin': { version: '1.0.0', integrity: 'sha512-b', optional: true },
};
let root = '';

const lock = (packages: object): string => JSON.stringify({ packages });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millwright-packages-'));
  for (const path of ['zod', '@x/a']) {
    mkdirSync(join(root, 'node_modules', path), { recursive: true });
    writeFileSync(join(root, 'node_modules', path, 'package.json'), '{}');
  }
  writeFileSync(join(root, 'package-lock.json'), lock(SOUND));
  const { 'node_modules/only-darwin': _, ...installed } = SOUND;
  writeFileSync(join(root, 'node_modules/.package-lock.json'), lock(installed));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('packagesMatch', () => {
  it('takes a tree without the optional packages of other systems', () => {
    expect(packagesMatch(root)).toBe(true);
  });

  it.each([
    ['another version', { 'node_modules/zod': { version: '3.0.0', integrity: 'sha512-a' } }],
    ['other contents', { 'node_modules/zod': { version: '4.0.0', integrity: 'sha512-z' } }],
    ['nothing', {}],
  ])('refuses %s', (_name, installed) => {
    writeFileSync(join(root, 'node_modules/.package-lock.json'), lock(installed));
    expect(packagesMatch(root)).toBe(false);
  });

  it('refuses a tree in which a workspace that came with an update is not linked', () => {
    rmSync(join(root, 'node_modules/@x/a'), { recursive: true });
    expect(packagesMatch(root)).toBe(false);
  });

  it('refuses a tree whose record is cut off, or missing, or whose package is gone', () => {
    rmSync(join(root, 'node_modules/zod'), { recursive: true });
    expect(packagesMatch(root)).toBe(false);
    writeFileSync(join(root, 'node_modules/.package-lock.json'), '{"pack');
    expect(packagesMatch(root)).toBe(false);
    rmSync(join(root, 'node_modules'), { recursive: true });
    expect(packagesMatch(root)).toBe(false);
  });
});

describe('pinnedNode', () => {
  it('is the platform package, by absolute path', () => {
    const folder = join(root, `node_modules/node-${process.platform}-${process.arch}`);
    mkdirSync(join(folder, 'bin'), { recursive: true });
    writeFileSync(join(folder, 'bin/node'), '');
    writeFileSync(join(folder, 'package.json'), '{"version":"24.1.2"}');
    expect(pinnedNode(root)).toEqual({ path: join(folder, 'bin/node'), version: '24.1.2' });
  });
});
