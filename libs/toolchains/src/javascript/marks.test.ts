import { expect, test } from 'vitest';
import { marks } from './marks.ts';

const codes = (after: string, path = 'src/a.js', before: string | null = '') =>
  marks(path, before, after).map(({ code, line }) => `${code}:${line}`);

test.each([
  ['if (process.env.NODE_TEST_CONTEXT) return 3;', 'reads-runner-marks:1'],
  ["if ('VITEST' in process.env) {}", 'reads-runner-marks:1'],
  ['const by = new Error().stack;', 'reads-its-caller:1'],
  ['if (error.stack.includes("test/")) {}', 'reads-its-caller:1'],
  ["require('assert').equal = () => {};", 'touches-assertions:1'],
  ["import assert from 'node:assert/strict';", 'touches-assertions:1'],
  ['globalThis.expect = () => {};', 'touches-assertions:1'],
  ['process.exit(0);', 'touches-exit:1'],
  ['process . exitCode = 0', 'touches-exit:1'],
  ["process.on('uncaughtException', () => {});", 'touches-exit:1'],
  ['const { exit } = process;', 'touches-exit:1'],
  ["import { exit } from 'node:process';", 'touches-exit:1'],
  ["process['ex' + 'it'](0);", 'reaches-around:1'],
  ["globalThis['pro' + 'cess'].x();", 'reaches-around:1'],
  ["Function('return 1')();", 'reaches-around:1'],
  ['Array.prototype.toJSON = () => 1;', 'reaches-around:1'],
  ["require('module')._load = x;", 'reaches-around:1'],
  ["readFileSync('/proc/self/cmdline');", 'reaches-around:1'],
])('%s', (line, code) => expect(codes(`${line}\n`)).toContain(code));

test.each([
  '// process.exit(0) is never called here',
  'const a = { stack: [] };',
  'console.error(error.stack);',
  "process.env.NODE_ENV === 'production'",
  'Error.captureStackTrace(this, MyError);',
  "emitter.on('data', push);",
  'class Process { exit() {} }',
])('says nothing of %s', (line) => expect(codes(`${line}\n`)).toEqual([]));

test('only new lines count, and tests may assert', () => {
  expect(codes('process.exit(1);\n// new\n', 'src/cli.js', 'process.exit(1);\n')).toEqual([]);
  expect(codes("const assert = require('node:assert');\n", 'test/a.js')).toEqual([]);
  expect(codes('process.exit(0);\n', 'test/a.js')).toEqual(['touches-exit:1']);
});
