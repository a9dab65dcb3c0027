import { expect, test } from 'vitest';
import { hooksAssertions } from './hold.ts';

test.each([
  "const chai = require('chai');\nchai.use(require('chai-as-promised'));",
  "import { use } from 'chai';\nuse(promised);",
  "import * as chai from 'chai';\nchai.util.overwriteMethod(chai.Assertion.prototype, 'equal', how);",
  "const chai = require('chai');\nchai.config.deepEqual = same;",
  "const chai = require('chai');\nchai.expect = other;",
])('may replace assertions: %j', (text) => {
  expect(hooksAssertions(text)).toBe(true);
});

test.each([
  "const { expect } = require('chai');\nexpect(1).to.equal(1);",
  "const chai = require('chai');\nchai.config.includeStack = true;\nchai.config.truncateThreshold = 0;",
  'const app = express();\napp.use(middleware);',
])('replaces none: %j', (text) => {
  expect(hooksAssertions(text)).toBe(false);
});
