import fc from 'fast-check';
import { expect, it } from 'vitest';
import { oneLine, paragraphs } from './plain.ts';

it('keeps the words of a hostile title and none of its commands', () => {
  expect(oneLine('ok\u001b[2J\u001b]52;c;cm0gLXJm\u0007 \u001b[31mred\u001b[0m\r\nnext\u202egnp')).toBe(
    'ok red nextgnp',
  );
});

it('lets no control character through, whatever is put in', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(
        [...paragraphs(text)].filter(
          (sign) => sign !== '\n' && /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(sign),
        ),
      ).toEqual([]);
      expect(oneLine(text)).not.toContain('\n');
    }),
  );
});
