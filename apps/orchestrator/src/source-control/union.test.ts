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
  expect(united('CHANGELOG.md', conflict(ours, base, theirs))).toBe(expected);
});

it.each([
  ['declarations', 'const a = 1;\n', '', '\nconst b = 2;\n', 'const a = 1;\n\nconst b = 2;\n'],
  ['nothing that does something', 'const a = 1;\n', '', 'run();\n', null],
  ['nothing that a side changed', 'const a = 1;\n', 'const c = 3;\n', 'const b = 2;\n', null],
])('of code it keeps %s', (_what, ours, base, theirs, kept) => {
  const marks = conflict(ours, base, theirs).replace('# Changes', '// Changes').replace('- old', 'old();');
  const expected = kept === null ? null : `// Changes\n\n${kept}old();\n`;
  expect(united('src/a.js', marks)).toBe(expected);
});

it('takes marks of a document for what they are', () => {
  const text = 'Title\n=======\n<<<<<<< not a conflict\n';
  expect(united('a.md', text)).toBe(text);
});

it.each([
  ['CHANGELOG.md', true],
  ['docs/CHANGES', true],
  ['.gitignore', true],
  ['src/index.js', true],
  ['src/index.py', false],
  ['package.json', false],
  ['package-lock.json', false],
  ['requirements.txt', false],
  ['CHANGES.txt', true],
])('%s: %s', (path, expected) => {
  expect(mayBeUnited(path)).toBe(expected);
});
