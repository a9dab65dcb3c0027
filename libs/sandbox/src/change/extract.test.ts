import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseExtraction } from './extract.ts';

const OLD = 'a'.repeat(40);
const NEW = 'b'.repeat(40);
const NUL = '\0';

const NAMES = ['tree', 'raw', 'numstat', 'id', 'links', 'patch'] as const;
const printed = (parts: Partial<Record<(typeof NAMES)[number], string>>) => {
  const texts = NAMES.map((name) => parts[name] ?? '');
  const sizes = NAMES.map((name) => `${String(Buffer.byteLength(parts[name] ?? '')).padStart(4)} ${name}\n`);
  return Buffer.from(`${sizes.join('')}${Buffer.byteLength(texts.join(''))} total\n${texts.join('')}`);
};

test('reads what extract.sh prints', () => {
  const parsed = parseExtraction(
    printed({
      tree: `${NEW}\n`,
      raw: `:100644 100644 ${OLD} ${NEW} M${NUL}a b${NUL}:000000 120000 ${'0'.repeat(40)} ${OLD} A${NUL}l${NUL}`,
      numstat: `1\t2\ta b${NUL}-\t-\tl${NUL}`,
      id: `${OLD} ${'0'.repeat(40)}\n`,
      links: `${OLD} blob 5\na\nb/c\n`,
      patch: 'diff\n',
    }),
  );
  expect(parsed).toEqual({
    tree: NEW,
    patchId: OLD,
    patch: Buffer.from('diff\n'),
    touched: [
      { path: 'a b', oldMode: '100644', newMode: '100644', link: null },
      { path: 'l', oldMode: '000000', newMode: '120000', link: 'a\nb/c' },
    ],
    paths: [
      { path: 'a b', status: 'modified', added: 1, removed: 2 },
      { path: 'l', status: 'added', added: 0, removed: 0 },
    ],
  });
});

test('a link without a readable target has none, which the check refuses', () => {
  const raw = `:000000 120000 ${'0'.repeat(40)} ${NEW} A${NUL}l${NUL}`;
  for (const links of ['', `${NEW} missing\n`, `${OLD} blob 1\na\n`])
    expect(parseExtraction(printed({ raw, links }))?.touched[0]?.link).toBeNull();
});

test.each([
  '',
  '5 tree\nab',
  '0 raw\n',
  'x tree\n',
  printed({ tree: 'a' }).toString().slice(0, -1),
  printed({}).toString().replace('0 total', ''),
  `${printed({}).toString()}more`,
  printed({ raw: `:100644 100644 ${OLD} ${NEW} R100${NUL}a${NUL}` }).toString(),
  printed({ raw: `junk${NUL}a${NUL}` }).toString(),
  printed({ raw: `:100644 100644 ${OLD} ${NEW} M${NUL}a` }).toString(),
])('%j is not believed', (text) => {
  expect(parseExtraction(Buffer.from(text))).toBeNull();
});

test('any bytes are read or refused, never thrown at', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parseExtraction(Buffer.from(bytes))),
  );
  const texts = fc.record({
    tree: fc.string(),
    raw: fc.string(),
    numstat: fc.string(),
    id: fc.string(),
    links: fc.string(),
    patch: fc.string(),
  });
  fc.assert(fc.property(texts, (parts) => void parseExtraction(printed(parts))));
});
