import { expect, test } from 'vitest';
import { mergeManifest, planOverlay } from './overlay.ts';

test('the base configuration replaces the candidate’s, and what the base has not goes away', () => {
  const plan = planOverlay(
    ['package.json', 'vitest.config.ts', 'packages/a/.mocharc.json', 'src/a.js'],
    ['package.json', 'vitest.config.ts', 'jest.config.js', '.npmrc', 'src/a.js', 'packages/b/package.json'],
  );
  expect(plan).toEqual({
    restore: ['vitest.config.ts', 'packages/a/.mocharc.json'],
    remove: ['jest.config.js', '.npmrc'],
    merge: ['package.json'],
  });
});

test('test configuration in package.json is the base’s, everything else the candidate’s', () => {
  const base = JSON.stringify({ version: '1', scripts: { test: 'mocha' }, mocha: { spec: 'test' } });
  const candidate = JSON.stringify({
    ...{ version: '2', scripts: { test: 'true' }, jest: { testMatch: [] }, dependencies: { a: '1' } },
  });
  expect(JSON.parse(mergeManifest(base, candidate) ?? '')).toEqual({
    ...{ version: '2', dependencies: { a: '1' } },
    ...{ scripts: { test: 'mocha' }, mocha: { spec: 'test' } },
  });
});

test('nothing to merge', () => {
  const same = JSON.stringify({ scripts: { test: 'mocha' } });
  expect(mergeManifest(same, JSON.stringify({ version: '3', ...JSON.parse(same) }))).toBeNull();
  expect(mergeManifest(same, 'not json')).toBeNull();
});
