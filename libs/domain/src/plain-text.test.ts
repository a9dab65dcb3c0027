import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hiddenIn, plainLine, plainText, visibleJson } from './plain-text.ts';

const names = (text: string) => [...hiddenIn(text)].map(({ name }) => name);

test('names what is hidden, and where', () => {
  expect([...hiddenIn('a\u202eb\u{e0041}')]).toEqual([
    { at: 1, name: 'U+202E' },
    { at: 3, name: 'U+E0041' },
  ]);
  for (const sign of [
    '\0',
    '\u001b',
    '\r',
    '\f',
    '\u007f',
    '\u0085',
    '\u009b',
    '\u00ad',
    '\u061c',
    '\u200b',
    '\u200e',
  ])
    expect(names(`a${sign}b`), JSON.stringify(sign)).toHaveLength(1);
  for (const sign of [
    '\u2028',
    '\u2029',
    '\u2060',
    '\u2066',
    '\u3164',
    '\ufeff',
    '\ufff9',
    '\ud800',
    '\u{e0100}',
  ])
    expect(names(`a${sign}b`), JSON.stringify(sign)).toHaveLength(1);
});

test('leaves tabs, line feeds, every script, and an emoji with its selector', () => {
  expect(names('\tif (a) {\n  // größer, больше, 更大, أكبر ⚠️ 🏭\n')).toEqual([]);
  expect(names('a\uFE0F')).toEqual(['U+FE0F']);
});

test('takes commands of a terminal out as a whole', () => {
  expect(plainLine('ok\u001b[2J\u001b]52;c;cm0gLXJm\u0007 \u001b[31mred\u001b[0m\r\nnext\u202egnp')).toBe(
    'ok red nextgnp',
  );
  expect(plainText('a\u009b31mb\u009d0;title\u009cc\r\nd\te')).toBe('abc\nd\te');
});

test('nothing hidden is left in a plain text, nor raw in a JSON document, which says the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(names(plainText(text))).toEqual([]);
      const json = JSON.stringify({ text }, null, 2);
      expect(names(visibleJson(json))).toEqual([]);
      expect(JSON.parse(visibleJson(json))).toEqual({ text });
    }),
  );
});

test('megabytes of a command that never ends are read in one go', () => {
  for (const part of ['\u001b]', '\u001b[', '\u009b1;', '\u001b'])
    expect(names(plainText(part.repeat(300_000)))).toEqual([]);
});
