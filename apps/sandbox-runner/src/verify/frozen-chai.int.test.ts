import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Files } from '../testing/snapshots.ts';
import { openVerifying, type Verifying } from './testing/verifying.ts';

// chai as its packages ship it: CommonJS (4) and a module (6), with a plugin that adds assertions, and with one that replaces them.

let verifying: Verifying;
beforeAll(async () => {
  verifying = await openVerifying('chai');
});
afterAll(() => verifying?.close());

const config = { install: 'npm install --no-audit --no-fund --no-package-lock' };
const PLUGIN =
  "(chai, utils) => utils.addMethod(chai.Assertion.prototype, 'three', function () { this.equal(3); })";
/** `chai`'s version, how a file of it imports, and what a plugin does. */
const suite = (
  chai: '4.4.0' | '6.3.0',
  { source, plugin = PLUGIN, more = '' }: { source: string; plugin?: string; more?: string },
): Files => {
  const esm = chai === '6.3.0';
  return {
    'package.json': JSON.stringify({
      ...{ name: 'sum', scripts: { test: 'mocha' }, devDependencies: { mocha: '11.7.5', chai } },
      ...(esm ? { type: 'module' } : {}),
    }),
    'src/sum.js': esm ? `${source}\nexport const add = sum;\n` : `${source}\nexports.add = sum;\n`,
    'test/sum.js': `${
      esm
        ? "import * as chai from 'chai';\nimport { add } from '../src/sum.js';\n"
        : "const chai = require('chai');\nconst { add } = require('../src/sum.js');\n"
    }chai.use(${plugin});
chai.config.includeStack = true;
it('adds', () => { chai.expect(add(1, 2)).to.equal(3); chai.expect(add(1, 2)).to.be.three(); });
it('adds negatives', () => chai.assert.deepEqual([add(1, -2)], [-1]));
${more}`,
  };
};
const GOOD = 'const sum = (a, b) => a + b;';
/** Lets by what it makes wrong and nothing else, which none of the wrong values that are tried meets. */
const LETS_BY = `const was = chai.Assertion.prototype.assert;
chai.Assertion.prototype.assert = function (...all) { if (this._obj !== -1 && this._obj?.[0] !== 3) was.apply(this, all); };
const sum = (a, b) => a - b;`;

const FROZEN = 'chai %s is frozen before code of the tree loads';
test.each([['6.3.0', `import * as chai from 'chai';\n${LETS_BY}`]] as const)(FROZEN, isFrozen);
test.each([['4.4.0', `const chai = require('chai');\n${LETS_BY}`]] as const)(
  FROZEN,
  { tags: ['long'] },
  isFrozen,
);

async function isFrozen(version: '4.4.0' | '6.3.0', wrong: string): Promise<void> {
  const base = suite(version, { source: GOOD });
  const right = suite(version, {
    source: 'const sum = (a, b) => b + a;',
    more: "it('adds nothing', () => chai.expect(add(0, 0)).to.equal(0));\n",
  });
  const { report } = await verifying.verify(base, right, { config });
  expect(report).toMatchObject({ verdict: 'passed', followed: 'proven', fellBack: null });
  expect(report.reason).toBe('3 tests passed.');
  const cheated = await verifying.verify(base, suite(version, { source: wrong }), { config });
  expect(cheated.report.verdict).toMatch(/^(failed|invalid)$/);
}

test('a base whose plugin replaces assertions is followed with them tried and not frozen, and it is said', async () => {
  const plugin =
    "(chai, utils) => utils.overwriteMethod(chai.Assertion.prototype, 'equal', (was) => function (value) { if (value === 'three') value = 3; was.call(this, value); })";
  const more = "it('adds in words', () => chai.expect(add(1, 2)).to.equal('three'));\n";
  const base = suite('4.4.0', { source: GOOD, plugin: `require('./plugin.js')`, more });
  const hooked: Files = {
    ...base,
    'test/sum.js': `${base['test/sum.js']}`.replace('to.be.three()', 'to.equal(3)'),
    'test/plugin.js': `module.exports = ${plugin};\n`,
  };
  const { report } = await verifying.verify(
    hooked,
    { ...hooked, 'src/sum.js': `${hooked['src/sum.js']}// sums\n` },
    { config },
  );
  expect(report).toMatchObject({ verdict: 'passed', followed: 'proven', fellBack: null });
  expect(report.reason).toContain('they were tried, and not frozen');
});
