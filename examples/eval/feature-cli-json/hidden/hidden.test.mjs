import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

const file = join(tmpdir(), `text-${process.pid}`);
writeFileSync(file, 'a b\nc\n');
const main = (...args) => spawnSync(process.execPath, ['src/main.js', ...args], { encoding: 'utf8' });
test('prints', () => {
  assert.equal(main(file).stdout, '2 3 6\n');
  for (const args of [
    ['--json', file],
    [file, '--json'],
  ])
    assert.deepEqual(JSON.parse(main(...args).stdout), { lines: 2, words: 3, characters: 6 });
});
test('says what is wrong', () => {
  for (const [args, named] of [
    [['/no/file'], '/no/file'],
    [['--json', '/no/file'], '/no/file'],
    [['--yaml', file], '--yaml'],
  ]) {
    const { status, stdout, stderr } = main(...args);
    assert.deepEqual([status, stdout, stderr.trim().split('\n').length], [2, '', 1]);
    assert.ok(stderr.includes(named), stderr);
  }
});
