import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printedSecrets, printsOf, secretValues } from './secret-values.ts';

const VALUE = 'Tr0ub4dor&3/kettle+"9';
const DATABASE = 'postgres://shop:pl4in%2Fkettle-77@db/shop';
const known = secretValues([
  { name: 'API_TOKEN', value: VALUE },
  { name: 'DATABASE_URL', value: DATABASE },
  { name: 'MODE', value: 'production' },
]);
const base64 = (text: string) => Buffer.from(text).toString('base64');
const percent = (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('');

/** The same secrets, by their prints. */
const digestOf = (salt: string, text: string) => createHash('sha256').update(salt).update(text).digest('hex');
const printed = (secrets: readonly { name: string; value: string }[]) =>
  printedSecrets(
    secrets.map(({ name, value }) => ({ name, prints: printsOf(value, `salt of ${name}`, digestOf) })),
    digestOf,
  );

describe('finds a known value', () => {
  test.each<[string, string]>([
    ['as it is', VALUE],
    ['glued to other text', `x${VALUE}example`],
    ['in base64', base64(VALUE)],
    ['in base64url', Buffer.from(VALUE).toString('base64url')],
    ['in the middle of a longer base64', base64(`{"token":"${VALUE}","n":1}`)],
    ['in the middle, one byte on', base64(`ab${VALUE}`)],
    ['in the middle, two bytes on', base64(`abc:${VALUE}!`)],
    ['in base64 over several lines', base64(`user:${VALUE}`).replaceAll(/.{8}/g, '$&\n')],
    ['in hex', Buffer.from(VALUE).toString('hex')],
    [
      'in hex of capitals with colons',
      Buffer.from(VALUE).toString('hex').toUpperCase().replaceAll(/../g, '$&:'),
    ],
    ['percent-encoded as an address needs it', encodeURIComponent(VALUE)],
    ['percent-encoded whole', percent(VALUE)],
    ['in JSON', JSON.stringify({ a: VALUE })],
    ['in JSON in JSON', JSON.stringify(JSON.stringify({ a: VALUE }))],
    [
      'in unicode escapes',
      [...VALUE].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
    ],
    ['in byte escapes', [...VALUE].map((c) => `\\x${c.charCodeAt(0).toString(16)}`).join('')],
    ['in two strings', `"${VALUE.slice(0, 9)}" +\n  "${VALUE.slice(9)}"`],
    ['in base64 twice', base64(base64(VALUE))],
    ['as a list of bytes', JSON.stringify([...Buffer.from(VALUE)])],
    [
      'behind references of HTML',
      VALUE.replaceAll('&', '&amp;').replaceAll('/', '&#x2F;').replaceAll('+', '&#43;'),
    ],
    ['percent-encoded in JSON', JSON.stringify(encodeURIComponent(VALUE))],
  ])('%s', (_name, text) => {
    expect(known.find(`see ${text} there`).map(({ name }) => name)).toEqual(['API_TOKEN']);
    expect(known.mask(`see ${text} there`)).toMatch(/^see .{0,20}\[secret( API_TOKEN)?\].{0,20} there$/s);
    expect(known.find(known.mask(text))).toEqual([]);
  });

  test('an address by its password alone, as it is written and as it is meant', () => {
    expect(known.find('PGPASSWORD=pl4in/kettle-77')).toMatchObject([{ name: 'DATABASE_URL' }]);
    expect(known.find('PGPASSWORD=pl4in%2Fkettle-77')).toMatchObject([{ name: 'DATABASE_URL' }]);
  });

  test('a key of several lines by one of them', () => {
    const pem = secretValues([
      { name: 'KEY', value: '-----BEGIN X-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSj\n' },
    ]);
    expect(pem.find('MIIEvQIBADANBgkqhkiG9w0BAQ')).toMatchObject([{ name: 'KEY' }]);
  });
});

test('a plain word or a short value is not looked for, and is named', () => {
  expect(known.untold).toEqual(['MODE']);
  expect(known.find('it runs in production')).toEqual([]);
  expect(secretValues([{ name: 'PIN', value: '1234' }]).untold).toEqual(['PIN']);
  expect(secretValues([]).find('anything at all')).toEqual([]);
});

test('never throws, finds what is there whatever stands around it, and masks it for good', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('\\', '%', '\\u', '%4', '\\\\"', VALUE, base64(VALUE), encodeURIComponent(VALUE)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('');
      const masked = known.mask(text);
      expect(masked.length).toBeLessThanOrEqual(text.length);
      expect(masked.includes(VALUE)).toBe(false);
      for (const { start, end } of known.find(text)) expect(start).toBeLessThan(end);
    }),
  );
});

test('any value is found in each of its forms', () => {
  const value = fc
    .string({ minLength: 12, maxLength: 60 })
    .filter((text) => /\d/.test(text) && /[a-z]/.test(text));
  fc.assert(
    fc.property(value, fc.nat(5), (text, before) => {
      const one = secretValues([{ name: 'X', value: text }]);
      fc.pre(one.untold.length === 0);
      for (const form of [
        text,
        JSON.stringify(text),
        encodeURIComponent(text),
        base64('p'.repeat(before) + text),
      ])
        expect(one.find(`${form}`).length, form).toBeGreaterThan(0);
    }),
  );
});

test('a long text of beginnings is read in one go', () => {
  for (const part of [VALUE.slice(0, -1), '\\', '%', base64(VALUE).slice(0, -6)])
    expect(known.find(part.repeat(Math.ceil(1_000_000 / part.length)))).toEqual([]);
});

test('prints find what the values find, and nothing else', () => {
  const value = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 }),
    fc.constantFrom(VALUE, DATABASE, 'production', '1234'),
  );
  const written = (text: string) =>
    fc.constantFrom(
      ...[text, base64(text), Buffer.from(text).toString('hex'), percent(text), JSON.stringify(text)],
      ...[text.slice(0, -1), text.slice(1), base64(base64(text)), text.replaceAll(/.{4}/g, '$&\n')],
    );
  const other = fc.string({ unit: 'binary', maxLength: 20 });
  fc.assert(
    fc.property(
      fc
        .array(value, { minLength: 1, maxLength: 3 })
        .chain((values) =>
          fc.tuple(
            fc.constant(values.map((one, i) => ({ name: `S${i}`, value: one }))),
            fc.array(fc.oneof(other, ...values.map(written)), { maxLength: 8 }),
          ),
        ),
      ([secrets, pieces]) => {
        const text = pieces.join('');
        const [byPrints, byValue] = [printed(secrets), secretValues(secrets)];
        expect(byPrints.find(text)).toEqual(byValue.find(text));
        expect(byPrints.mask(text)).toBe(byValue.mask(text));
      },
    ),
  );
});

test('prints hold nothing of a value', () => {
  const said = JSON.stringify(printsOf(VALUE, 'salt', digestOf));
  for (let at = 0; at + 4 <= VALUE.length; at++) expect(said).not.toContain(VALUE.slice(at, at + 4));
});
