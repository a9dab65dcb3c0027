import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Edit } from './conversations.ts';
import type { Files } from './remote.ts';

// Small public packages as they were published, each with a defect planted into its source. Where a tarball has its tests, they are the
// repository's; of the development dependencies those are kept that the tests need, since linters and bundlers only cost time.

export type RealPackage = {
  /** Name and exact version. */
  spec: string;
  runner: 'node' | 'mocha' | 'vitest' | 'jest';
  /** What the fixture changes of the published files, besides the defect. */
  fixture(published: (path: string) => string): Files;
  /** The defect: a text that must be there, and what it becomes. */
  defect: { path: string; was: string; becomes: string };
  title: string;
  ticket: string;
  /** The fix of the scripted model: the source as it was published, with tests. */
  tests: Edit[];
  run: [command: string, ...expect: string[]];
  check: string;
};

type Manifest = { devDependencies: Record<string, string> } & Record<string, unknown>;

/** Its package.json with only these of its development dependencies. */
function trimmed(text: string, ...keep: string[]): string {
  const manifest = JSON.parse(text) as Manifest;
  const devDependencies = Object.fromEntries(
    keep.map((name) => {
      const version = manifest.devDependencies[name];
      if (version === undefined) throw new Error(`${name} is no development dependency`);
      return [name, version];
    }),
  );
  return `${JSON.stringify({ ...manifest, devDependencies }, null, 2)}\n`;
}

export const PACKAGES: readonly RealPackage[] = [
  {
    spec: 'damerau-levenshtein@1.0.8',
    runner: 'mocha',
    fixture: () => ({}),
    defect: {
      path: 'index.js',
      was: '(t = matrix[i-2][j-2]+cost) < min) ? t : min; // Transposition.',
      becomes: '(t = matrix[i-2][j-2]+cost+1) < min) ? t : min; // Transposition.',
    },
    title: 'A transposition counts as two steps',
    ticket:
      'Two neighbouring letters in the wrong order are one step: `test` and `tset` differ by 1, not by 2.',
    tests: [
      {
        path: 'test/test.js',
        replace: '  describe("Addition with transposition", function() {',
        by: `  describe("Transposition at the end", function() {
    it("returns 1 step", function() {
      assert.equal(levenshtien("abcd", "abdc").steps, 1);
    });
  });

  describe("Addition with transposition", function() {`,
      },
    ],
    run: ['npm test', '\\d+ passing'],
    check: `node -e "require('assert').equal(require('./index.js')('ab', 'ba').steps, 1)"`,
  },
  {
    spec: 'fastify-plugin@5.0.1',
    runner: 'node',
    fixture: (published) => ({
      'package.json': trimmed(published('package.json'), 'fastify', 'proxyquire'),
      'millwright.yaml': 'test: node --test\n',
    }),
    defect: {
      path: 'lib/toCamelCase.js',
      was: 'return name.replace(/-(.)/g, function',
      becomes: 'return name.replace(/-(.)/, function',
    },
    title: 'Names of three words keep a dash',
    ticket: '`hello-long-world` must become `helloLongWorld`; only its first dash is taken away today.',
    tests: [
      {
        path: 'test/fourWords.test.js',
        text: `'use strict'

const { test } = require('node:test')
const toCamelCase = require('../lib/toCamelCase')

test('four words', (t) => {
  t.assert.strictEqual(toCamelCase('@a/b-c-d'), 'aBCD')
})
`,
      },
    ],
    run: ['node --test', 'fail 0'],
    check: `node -e "require('assert').equal(require('./lib/toCamelCase')('a-b-c'), 'aBC')"`,
  },
  {
    spec: 'cookie@1.0.2',
    runner: 'vitest',
    fixture: (published) => ({
      'package.json': trimmed(published('package.json'), 'vitest'),
      'millwright.yaml': 'test: vitest run\n',
      // Its tarball has no tests; these are in its runner and its words.
      'test/cookie.test.mjs': `import { describe, expect, it } from 'vitest';
import cookie from '../dist/index.js';

describe('cookie.parse', () => {
  it('should parse a header', () => {
    expect({ ...cookie.parse('foo=bar; a=%20b') }).toEqual({ foo: 'bar', a: ' b' });
  });
  it('should ignore what has no =', () => {
    expect({ ...cookie.parse('foo; a=1') }).toEqual({ a: '1' });
  });
});
describe('cookie.serialize', () => {
  it('should serialize with options', () => {
    expect(cookie.serialize('a', 'b c', { httpOnly: true })).toBe('a=b%20c; HttpOnly');
  });
});
`,
    }),
    defect: {
      path: 'dist/index.js',
      was: 'if (obj[key] === undefined) {',
      becomes: 'if (key !== "") {',
    },
    title: 'The last of two cookies of a name wins',
    ticket: 'Where a name comes twice, the first value counts; today the last one does.',
    tests: [
      {
        path: 'test/twice.test.mjs',
        text: `import { expect, it } from 'vitest';
import cookie from '../dist/index.js';

it('should only assign a name once', () => {
  expect(cookie.parse('a=1; a=2').a).toBe('1');
});
`,
      },
    ],
    run: ['npx vitest run', 'Tests +\\d+ passed'],
    check: `node -e "require('assert').equal(require('./dist/index.js').parse('a=1; a=2').a, '1')"`,
  },
  {
    spec: '@fastify/error@4.2.0',
    runner: 'node',
    fixture: (published) => ({
      'package.json': trimmed(published('package.json')),
      'millwright.yaml': 'test: node --test\n',
    }),
    defect: { path: 'index.js', was: 'code = code.toUpperCase()', becomes: 'code = String(code)' },
    title: 'Codes of small letters stay small',
    ticket: '`createError("not_found", …)` must make errors whose `code` is `NOT_FOUND`.',
    tests: [
      {
        path: 'test/small.test.js',
        text: `'use strict'

const test = require('node:test')
const { createError } = require('..')

test('a code of small letters', (t) => {
  const NotFound = createError('not_found', 'Not there')
  t.assert.strictEqual(new NotFound().code, 'NOT_FOUND')
})
`,
      },
    ],
    run: ['node --test', 'fail 0'],
    check: `node -e "require('assert').equal(require('./index.js')('ab', 'x')().code, 'AB')"`,
  },
  {
    spec: 'commander@14.0.2',
    runner: 'jest',
    fixture: (published) => ({
      'package.json': trimmed(published('package.json'), 'jest'),
      'millwright.yaml': 'test: jest\n',
      // Its tarball has no tests; these are in its runner and its words.
      'tests/command.test.js': `const { Command } = require('../');
const { suggestSimilar } = require('../lib/suggestSimilar.js');

test('when an option has an argument then it is its value', () => {
  const program = new Command();
  program.option('--pepper [kind]').parse(['--pepper', 'black'], { from: 'user' });
  expect(program.opts()).toEqual({ pepper: 'black' });
});
describe('suggestSimilar', () => {
  test('when one candidate is near then it is suggested', () => {
    expect(suggestSimilar('hepl', ['help', 'version'])).toBe('\\n(Did you mean help?)');
  });
  test('when none is near then nothing is suggested', () => {
    expect(suggestSimilar('sugar', ['help', 'version'])).toBe('');
  });
});
`,
    }),
    defect: {
      path: 'lib/suggestSimilar.js',
      was: 'if (similar.length > 1) {',
      becomes: 'if (similar.length > 2) {',
    },
    title: 'Two words that are as near are not suggested',
    ticket: 'Where two commands are as near to what was typed, both are named; today neither is.',
    tests: [
      {
        path: 'tests/two.test.js',
        text: `const { suggestSimilar } = require('../lib/suggestSimilar.js');

test('when two candidates are as near then both are suggested', () => {
  expect(suggestSimilar('cat', ['hat', 'bat'])).toBe('\\n(Did you mean one of bat, hat?)');
});
`,
      },
    ],
    run: ['npx jest', 'Tests: +\\d+ passed'],
    check: `node -e "require('assert').match(require('./lib/suggestSimilar.js').suggestSimilar('cat', ['hat', 'bat']), /bat, hat/)"`,
  },
];

const command = (program: string, args: string[], cwd: string): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(program, args, { cwd, timeout: 120_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${program} ${args.join(' ')}: ${stderr || error.message}`)) : resolve(stdout),
    );
  });

export type Unpacked = { folder: string; published(path: string): string };

/** Fetches a package from the registry that npm is configured for, and unpacks it. */
export async function unpack(spec: string, into: string): Promise<Unpacked> {
  const folder = join(into, spec.replaceAll(/[^a-z0-9.-]/g, '-'));
  mkdirSync(folder, { recursive: true });
  const tarball = (await command('npm', ['pack', '--silent', spec, '--pack-destination', into], into)).trim();
  await command('tar', ['-xzf', join(into, tarball), '-C', folder, '--strip-components=1'], into);
  return { folder, published: (path) => readFileSync(join(folder, path), 'utf8') };
}

/** The fixture's files over the published ones, the defect among them. Throws where the text to replace is not there exactly once. */
export function planted(real: RealPackage, { published }: Unpacked): Files {
  const { path, was, becomes } = real.defect;
  const parts = published(path).split(was);
  if (parts.length !== 2) throw new Error(`${real.spec}: ${path} has "${was}" ${parts.length - 1} times`);
  return { ...real.fixture(published), [path]: parts.join(becomes) };
}

/** What the merged tree must hold in place of the base's files: the published source again, and the model's tests. */
export function mended(real: RealPackage, { published }: Unpacked): Files {
  return Object.fromEntries([
    [real.defect.path, published(real.defect.path)],
    ...real.tests.map((one): [string, string] =>
      'text' in one
        ? [one.path, one.text]
        : [one.path, published(one.path).replace(one.replace, () => one.by)],
    ),
  ]);
}
