import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseManifest, testCommand } from './command.ts';

const manifest = (scripts: Record<string, string>) => parseManifest(JSON.stringify({ scripts }));

/** What a real shell leaves behind, with and without the marks. */
function ran(config: { test?: string }, scripts: Record<string, string>) {
  const command = testCommand(config, manifest(scripts));
  if (command.kind === 'none') throw new Error('no command');
  const folder = mkdtempSync(join(tmpdir(), 'chain-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const shell = (script: string) => {
    try {
      return { code: 0, output: execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }) };
    } catch (error) {
      const { status, stdout } = error as { status: number; stdout: string };
      return { code: status, output: stdout };
    }
  };
  const plain = shell(command.script);
  const followed = shell(command.following(folder));
  const lost = shell(command.following('/nowhere'));
  expect([followed, lost]).toEqual([plain, plain]);
  return { steps: command.steps, marks: readdirSync(folder).sort(), ...plain };
}

test('each step but the last leaves a mark where it ends well, and nothing else is different', () => {
  const scripts = {
    pretest: 'echo a && true',
    test: 'cd / && pwd && exit 3 && echo never',
    posttest: 'echo b',
  };
  expect(ran({}, scripts)).toEqual({
    steps: ['echo a', 'true', 'cd /', 'pwd', 'exit 3', 'echo never', 'echo b'],
    marks: ['step-1', 'step-2', 'step-3', 'step-4'],
    ...{ code: 3, output: 'a\n/\n' },
  });
  expect(ran({ test: 'X=1 && echo $X && false' }, {})).toMatchObject({
    marks: ['step-1', 'step-2'],
    code: 1,
  });
  expect(ran({ test: 'false || echo b' }, {})).toEqual({
    steps: ['false || echo b'],
    marks: [],
    code: 0,
    output: 'b\n',
  });
  expect(ran({}, { test: 'true', posttest: 'echo a; false' })).toMatchObject({ marks: ['step-1'], code: 1 });
});
