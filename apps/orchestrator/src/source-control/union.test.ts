import { expect, it } from 'vitest';
import { mayBeUnited, united } from './union.ts';

const mark = (sign: string, text = '') => `${sign.repeat(61)}${text}\n`;
const conflict = (ours: string, base: string, theirs: string) =>
  `# Changes\n\n${mark('<', ' ours')}${ours}${mark('|', ' base')}${base}${mark('=')}${theirs}${mark('>', ' theirs')}- old\n`;

it.each([
  ['lines of both, ours first', '- a\n', '', '- b\n', '# Changes\n\n- a\n- b\n- old\n'],
  [
    'a heading that both add, once',
    '## Next\n\n- a\n',
    '',
    '## Next\n\n- b\n',
    '# Changes\n\n## Next\n\n- a\n- b\n- old\n',
  ],
  ['a blank line that both end with, once', '- a\n\n', '', '- b\n\n', '# Changes\n\n- a\n- b\n\n- old\n'],
  ['nothing where a side changed a line', '- a\n', '- x\n', '- b\n', null],
  ['nothing where a side removed one', '', '- x\n', '- b\n', null],
])('keeps %s', (_what, ours, base, theirs, expected) => {
  expect(united(conflict(ours, base, theirs))).toBe(expected);
});

it('takes marks of a document for what they are', () => {
  const text = 'Title\n=======\n<<<<<<< not a conflict\n';
  expect(united(text)).toBe(text);
});

it.each([
  ['CHANGELOG.md', true],
  ['docs/CHANGES', true],
  ['.gitignore', true],
  ['src/index.js', false],
  ['package.json', false],
  ['package-lock.json', false],
  ['requirements.txt', false],
  ['CHANGES.txt', true],
])('%s: %s', (path, expected) => {
  expect(mayBeUnited(path)).toBe(expected);
});
