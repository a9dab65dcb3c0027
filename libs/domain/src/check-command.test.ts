import { expect, test } from 'vitest';
import { decides, hasOwnCode } from './check-command.ts';

test.each([
  'npm run check',
  'npm run -s check -- --all',
  'npm start',
  'yarn check:all',
  'pnpm --silent run verify',
  'node --run check',
  'node cli.js --selftest',
  'node -r ./setup.js src/selftest.js >/dev/null 2>&1',
  'sh scripts/check.sh',
  'bash -e ./check',
  './check.sh',
  '/workspace/check.sh',
  'make check',
  'cargo test',
  'python3 check.py',
  'timeout 20 npm run check',
  'CI=1 env A=b npm run check',
  'cd packages/a && npm run check',
  'npm run check && echo holds',
  'npm run check | tail -5',
  'npm run check || exit 1',
  '! node cli.js --wrong',
  'test -f package.json && npm run check',
  'if npm run check; then exit 0; else exit 1; fi',
  'node cli.js; [ $? = 3 ]',
  "sh -c 'npm run check'",
  'out=$(npm run check)',
  '. ./lib.sh; [ "$(add 1 2)" = 3 ]',
  'source lib.sh && test "$VERSION" = 2',
  'npm run check # it looks at grep -q all',
])('%s is decided by the tree', (command) => {
  expect(decides(command)).toMatchObject({ by: 'tree' });
  expect(hasOwnCode(command)).toBe(false);
});

test.each([
  'npm test',
  'npm run test:unit -- add',
  'npx mocha test/a.js',
  'npx --no-install ava',
  'node_modules/.bin/jest',
  'node --test test/add.test.js',
  'pytest tests',
])('%s says something where its runner reports', (command) => {
  expect(decides(command)).toMatchObject({ by: 'suite' });
});

test.each([
  'test -f src/sum.js',
  "grep -q 'npm run check' README.md",
  '! grep -q old src/sum.js',
  'node cli.js | grep -q usage',
  'test "$(node cli.js 2)" = 4',
  '[ "$(npm run -s answer)" = 42 ]',
  'npm run build && test -f dist/index.js',
  'out=$(node cli.js) && [ "$out" = 5 ]',
  '( . ./lib.sh; add 1 2 ) | grep -qx 3',
  `[ "$(sh -c '. ./lib.sh; add 1 2')" = 3 ]`,
  'diff <(node cli.js) expected.txt',
  'node cli.js > out.txt; cmp out.txt expected.txt',
  'npx tsc --noEmit',
  'npm ls left-pad',
  `node -e "require('assert').equal(require('./a.js'), 1)"`,
  "node - <<'EOF'\nrequire('./a.js');\nnpm run check\nEOF",
  'python3 -c "import a"',
  'node .millwright-checks/a.cjs',
  './.millwright-checks/a.sh',
  'npx tsx .millwright-checks/a.ts',
  'python3 -m pytest .millwright-checks/test_a.py',
  'true',
  '',
])('%s is decided by something else', (command) => {
  expect(decides(command)).toEqual({ by: 'other' });
});

test('a script of the check is decided by its own last statement', () => {
  const scripts: Record<string, string> = {
    '.millwright-checks/runs.sh': 'set -e\nnpm run check\n',
    '.millwright-checks/looks': '#!/bin/sh\nnpm run check | grep -q fine\n',
    '.millwright-checks/itself.sh': 'sh .millwright-checks/itself.sh\n',
  };
  const by = (command: string) => decides(command, (path) => scripts[path] ?? null).by;
  expect(by('sh .millwright-checks/runs.sh')).toBe('tree');
  expect(by('./.millwright-checks/looks')).toBe('other');
  expect(by('sh /workspace/.millwright-checks/itself.sh')).toBe('other');
});

test('code of its own is told from programs of the tree', () => {
  expect(hasOwnCode('node .millwright-checks/a.cjs && npm run check')).toBe(true);
  expect(hasOwnCode(`node -e "1" && npm run check`)).toBe(true);
});
