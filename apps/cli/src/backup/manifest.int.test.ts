import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Fail } from '../fail.ts';
import { checkFiles, type Manifest, readManifest, written } from './manifest.ts';

let folder: string;
let keys: string;
const ENTRIES = 'database/entries.copy.gz';
const BUNDLE = 'repos/shop.bundle';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millwright-manifest-'));
  keys = join(folder, 'keys.json');
  for (const name of ['database', 'repos']) mkdirSync(join(folder, name));
  for (const name of [ENTRIES, BUNDLE, 'keys.json']) writeFileSync(join(folder, name), `what ${name} holds`);
  const of = async (path: string) => ({ path, ...(await written(join(folder, path))) });
  const manifest: Manifest = {
    format: 1,
    millwright: '0.1.0',
    migrations: [],
    factory: 'fac_1',
    madeAt: 1,
    entries: 1,
    checkpoint: null,
    keys: await written(keys),
    files: [await of(ENTRIES), await of(BUNDLE)],
  };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
});
afterEach(() => rmSync(folder, { recursive: true }));

const checked = async () => checkFiles(folder, keys, readManifest(folder).manifest);
const manifest = (change: (was: Record<string, unknown>) => unknown) => {
  const file = join(folder, 'manifest.json');
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))));
};
const flip = () => {
  const bytes = readFileSync(join(folder, ENTRIES));
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  writeFileSync(join(folder, ENTRIES), bytes);
};

it('takes what is whole', async () => {
  await expect(checked()).resolves.toBeUndefined();
});

it.each<[string, () => void, number, string]>([
  ['a missing file', () => rmSync(join(folder, ENTRIES)), 1, `${ENTRIES} is missing`],
  ['one cut short', () => truncateSync(join(folder, BUNDLE), 3), 1, 'has 3 bytes instead of'],
  ['a changed byte', flip, 1, 'has other bytes'],
  ['other keys', () => appendFileSync(keys, ' '), 1, 'keys.json has'],
  ['keys kept elsewhere', () => rmSync(keys), 2, 'the keys of this backup are kept elsewhere'],
  [
    'an added file',
    () => copyFileSync(join(folder, BUNDLE), join(folder, 'repos/other.bundle')),
    1,
    'other.bundle is none of its files',
  ],
  [
    'another layout',
    () => manifest((was) => ({ ...was, format: 2 })),
    1,
    'has layout 2, and this version reads 1',
  ],
  [
    'a path that leads out of it',
    () => manifest((was) => ({ ...was, files: [{ path: '../x', bytes: 1, sha256: '0'.repeat(64) }] })),
    1,
    'does not say what it has to',
  ],
  ['half a manifest', () => truncateSync(join(folder, 'manifest.json'), 40), 1, 'is no JSON'],
  ['no manifest', () => rmSync(join(folder, 'manifest.json')), 2, 'is no backup'],
])('refuses %s', async (_, spoil, exitCode, said) => {
  spoil();
  const refused = await checked().then(
    () => null,
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(Fail);
  expect(refused).toMatchObject({ message: expect.stringContaining(said), problem: { exitCode } });
});
