import { createHash } from 'node:crypto';
import { type Digest, Envelope } from '@millwright/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalBytes, checkPayload, leafHash, payloadDigest } from './index.ts';
import { envelopeText } from './log/entry.ts';

const text = (value: unknown) => new TextDecoder().decode(canonicalBytes(value));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const envelope = Envelope.parse({
  v: 1,
  position: 1,
  stream: 'factory',
  version: 1,
  type: 'factory.halted',
  actor: 'orchestrator',
  at: 1_700_000_000_000,
  payloadDigest: `sha256:${'0'.repeat(64)}`,
});

describe('canonical form', () => {
  test('RFC 8785, appendix: literals, numbers, strings and the order of keys', () => {
    const sample = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(text(sample)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    // Sorted by UTF-16 code units, as section 3.2.3 has it: the emoji's surrogates come before U+FB33.
    expect(text({ '\ufb33': 1, '\u{1f600}': 2, '\u20ac': 3, '\r': 4, '1': 5, ö: 6 })).toBe(
      '{"\\r":4,"1":5,"ö":6,"€":3,"😀":2,"\ufb33":1}',
    );
    expect(text(-0)).toBe('0');
  });

  test('what is not JSON has no form', () => {
    for (const bad of [undefined, Number.NaN, Number.POSITIVE_INFINITY, 1n, 'cut \ud83c', { a: ['\udc00'] }])
      expect(() => canonicalBytes(bad)).toThrow();
  });

  test('any JSON comes back, and has one form however its keys are ordered', () => {
    const json = fc.jsonValue({ noUnicodeString: false });
    fc.assert(
      fc.property(json, (value) => {
        const plain = JSON.parse(JSON.stringify(value)); // -0 is 0 in JSON
        fc.pre(JSON.stringify(plain).isWellFormed() && !/\\ud[89a-f]/i.test(JSON.stringify(plain)));
        expect(JSON.parse(text(plain))).toEqual(plain);
        if (plain !== null && typeof plain === 'object' && !Array.isArray(plain)) {
          const turned = Object.fromEntries(Object.entries(plain).reverse());
          expect(text(turned)).toBe(text(plain));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('hashes', () => {
  test('the leaf is SHA-256(0x00 ‖ canonical envelope), and any change of the envelope changes it', () => {
    const bytes =
      `{"actor":"orchestrator","at":1700000000000,"payloadDigest":"sha256:${'0'.repeat(64)}","position":1,` +
      '"stream":"factory","type":"factory.halted","v":1,"version":1}';
    expect(envelopeText(envelope)).toBe(bytes);
    expect(hex(leafHash(envelope))).toBe(createHash('sha256').update(`\0${bytes}`).digest('hex'));
    const others = [
      { position: 2 },
      { version: 2 },
      { at: 1 },
      { type: 'factory.resumed' },
      { actor: 'migrator' },
    ];
    const leaves = others.map((other) => hex(leafHash(Envelope.parse({ ...envelope, ...other }))));
    expect(new Set([hex(leafHash(envelope)), ...leaves]).size).toBe(6);
  });

  test('an envelope written out is its RFC 8785 form, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.nat(), fc.maxSafeNat(), (a, b, n, at) => {
        fc.pre(a.isWellFormed());
        const odd = { ...envelope, stream: a, type: b, actor: b + a, position: n, at } as unknown as Envelope;
        expect(envelopeText(odd)).toBe(text(odd));
      }),
    );
  });

  test('a payload is checked against its envelope: ok, missing, or another', () => {
    const payload = { salt: Buffer.alloc(16, 7), bytes: canonicalBytes({ reason: 'x' }), words: null };
    const committed = { ...envelope, payloadDigest: payloadDigest(payload.salt, payload.bytes) };
    expect(committed.payloadDigest).toBe(
      `sha256:${createHash('sha256').update(payload.salt).update('{"reason":"x"}').digest('hex')}`,
    );
    expect(checkPayload(committed, payload)).toBe('ok');
    expect(checkPayload(committed, null)).toBe('missing');
    expect(checkPayload(committed, { ...payload, salt: Buffer.alloc(16, 8) })).toBe('mismatch');
    expect(checkPayload(committed, { ...payload, bytes: canonicalBytes({ reason: 'y' }) })).toBe('mismatch');
    expect(checkPayload({ ...committed, payloadDigest: 'sha256:' as Digest }, payload)).toBe('mismatch');
    const words = { salt: Buffer.alloc(16, 1), bytes: canonicalBytes(['nobody committed to this']) };
    expect(checkPayload(committed, { ...payload, words })).toBe('mismatch');
  });

  test('free text apart is checked against its payload: ok, redacted, or another', () => {
    const words = { salt: Buffer.alloc(16, 1), bytes: canonicalBytes(['said']) };
    const bytes = canonicalBytes({ reason: '', $words: payloadDigest(words.salt, words.bytes), a: 1 });
    const payload = { salt: Buffer.alloc(16, 7), bytes, words };
    const committed = { ...envelope, payloadDigest: payloadDigest(payload.salt, bytes) };
    expect(checkPayload(committed, payload)).toBe('ok');
    expect(checkPayload(committed, { ...payload, words: null })).toBe('redacted');
    const other = { ...words, bytes: canonicalBytes(['never said']) };
    expect(checkPayload(committed, { ...payload, words: other })).toBe('mismatch');
    expect(checkPayload(committed, { ...payload, words: { ...words, salt: Buffer.alloc(16) } })).toBe(
      'mismatch',
    );
  });
});
