import { expect, test } from 'vitest';
import { looksBeside } from './beside.ts';

test.each<[string, unknown, boolean]>([
  ['bash', { command: '# output: build 120' }, true],
  ['bash', { command: '# background: build\nnpm run build' }, false],
  ['bash', { command: 'npm test' }, false],
  ['bash', { command: 7 }, false],
  ['edit', { command: '# output: build' }, false],
  ['bash', null, false],
])('%s %j looks at a command beside: %s', (tool, input, looks) => {
  expect(looksBeside(tool, input)).toBe(looks);
});
