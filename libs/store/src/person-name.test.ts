import { expect, test } from 'vitest';
import { personName } from './person-name.ts';

const keysOf = (text: string): readonly string[] => {
  const named = personName(text);
  if (named.kind === 'refused') throw new Error(`${text}: ${named.reason}`);
  return named.keys;
};
const alike = (a: string, b: string) => keysOf(a).some((key) => keysOf(b).includes(key));

test.each([
  ['Ann', ' Ann '],
  ['Ann', 'ANN'],
  ['Ann', 'Ａnn'], // full width
  ['Ann Lee', 'Ann\u00a0Lee'],
  ['Ann Lee', 'Ann  Lee'],
  ['Ann Lee', 'AnnLee'],
  ['Ann-Lee', 'Ann\u2010Lee'],
  ['Iva', 'lva'], // capital i, small L
  ['Bob', 'B0b'],
  ['Zoë', 'Zoe\u0308'],
  ['Ace', 'Асе'], // wholly Cyrillic
  ['BOB', 'ВОВ'],
  ['Bob', 'ВОВ'],
  ['Straße', 'STRASSE'],
  ['Amy', 'Arny'], // m and rn
])('%j and %j look alike', (a, b) => {
  expect(alike(a, b)).toBe(true);
});

test.each([
  ['Ann', 'Anna'],
  ['Ann', 'Ben'],
  ['Zoe', 'Zoë'],
  ['Li', 'Lu'],
  ['Иван', 'Ivan'],
  ['王伟', '王芳'],
])('%j and %j do not', (a, b) => {
  expect(alike(a, b)).toBe(false);
});

test.each([
  ['\u0410nn', 'mixes Cyrillic and Latin'],
  ['\u039fleg', 'mixes Greek and Latin'],
  ['An\u200bn', 'invisible'],
  ['An\u202en', 'invisible'],
  ['Ann\u3164', 'invisible'], // a letter to Unicode, nothing to the eye
  ['Ann\u0007', 'invisible'],
  ['\u13aann', 'no everyday use'], // Cherokee
  ['Factory', 'looks like'], // no person
  ['orchestrat0r', 'looks like'],
  ['Runner 1', 'looks like'],
  ['the factory', 'looks like'],
  ['agent/plan', 'letters, numbers'],
  ['Ann (approver)', 'letters, numbers'],
  ['Carl\u2502', 'letters, numbers'], // a line of a box
  ['  ', 'has a letter'],
  ['12', 'has a letter'],
  ['a'.repeat(101), 'at most 100'],
])('%j is refused', (text, why) => {
  expect(personName(text)).toMatchObject({ kind: 'refused', reason: expect.stringContaining(why) });
});

test.each([
  'Ann Lee',
  "O'Neil",
  'Ms Mustermann of 3 Elm Street',
  '山田 タロー',
  '김철수',
  'Ada \u{1f469}',
  'Zoë',
])('%s is a name', (text) => {
  expect(personName(text)).toMatchObject({ kind: 'name', name: text.normalize('NFKC') });
});
