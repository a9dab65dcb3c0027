import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readConfiguration } from './configuration.ts';

const folder = mkdtempSync(join(tmpdir(), 'millwright-configuration-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string, file = 'small.yaml') {
  writeFileSync(join(folder, file), text);
  return readConfiguration(join(folder, file));
}

it('is called as its file is, where it says no name, and finds its conversations beside it', () => {
  expect(read('env: { MILLWRIGHT_STAGE_TURNS: 40 }\nrecorded: scripts\n')).toEqual({
    name: 'small',
    env: { MILLWRIGHT_STAGE_TURNS: '40' },
    recorded: join(folder, 'scripts'),
  });
  expect(read('name: other\nenv: {}\n')).toEqual({ name: 'other', env: {}, recorded: null });
});

it.for([
  ['env: [', /cannot be read/],
  ['env: { PATH: /bin }', /PATH is no setting of a factory/],
  ['name: a/b\nenv: {}', /letters, digits/],
  ['envs: {}', /envs/],
] as const)('says what is wrong with %s', ([text, why]) => {
  expect(() => read(text)).toThrow(why);
});

it('says that a file is not there, or cannot name a configuration', () => {
  expect(() => readConfiguration(join(folder, 'none.yaml'))).toThrow(/none\.yaml cannot be read/);
  expect(() => read('env: {}', 'not one.yaml')).toThrow(/cannot name a configuration/);
});
