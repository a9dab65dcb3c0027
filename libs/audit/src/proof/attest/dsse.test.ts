import { createPublicKey, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateKey, parseSignerKey } from '../log/keys.ts';
import { IN_TOTO, keyidOf, openEnvelope, pae, signEnvelope } from './dsse.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const { signer } = generateKey('factory.test/trail', 'note');
const other = generateKey('factory.test/trail', 'note').signer;
const body = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');
const sealed = () => signEnvelope(IN_TOTO, body, signer);

describe('the pre-authentication encoding', () => {
  it.each([
    // The example of the protocol, https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
    [
      'http://example.com/HelloWorld',
      'hello world',
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    ],
    ['', '', 'DSSEv1 0  0 '],
    ['a/\u00e4', '\u00e4', 'DSSEv1 4 a/\u00e4 2 \u00e4'], // lengths are of bytes
  ])('of %j and %j', (type, payload, expected) => {
    expect(text(pae(type, Buffer.from(payload)))).toBe(expected);
  });

  it('is another for every other type or body', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (a, b, c, d) => {
        fc.pre(a !== c || b !== d);
        expect(text(pae(a, Buffer.from(b)))).not.toBe(text(pae(c, Buffer.from(d))));
      }),
    );
  });

  it('never is what a note signs: that ends with a line break, and a statement does not', () => {
    expect(text(pae(IN_TOTO, body)).endsWith('\n')).toBe(false);
    expect(text(pae(IN_TOTO, body)).split('\n')[0]).toContain(' ');
  });
});

it('is signed for anybody who has the public key and an Ed25519', () => {
  const spki = Buffer.concat([
    Buffer.from('302a300506032b6570032100', 'hex'),
    Buffer.from(signer.vkey.split('+').slice(2).join('+'), 'base64').subarray(1),
  ]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const [signature] = sealed().signatures;
  expect(verify(null, pae(IN_TOTO, body), key, Buffer.from(signature?.sig ?? '', 'base64'))).toBe(true);
  expect(signature?.keyid).toBe(keyidOf(signer));
});

it('opens what a given key has signed, in either alphabet, whatever the hint says', () => {
  const envelope = sealed();
  expect(openEnvelope(JSON.stringify(envelope), [other, signer])).toMatchObject({
    kind: 'opened',
    payloadType: IN_TOTO,
    signedBy: [signer],
  });
  const url = (encoded: string) => encoded.replaceAll('+', '-').replaceAll('/', '_');
  const signatures = envelope.signatures.map(({ sig }) => ({ keyid: 'somebody', sig: url(sig) }));
  const loose = { ...envelope, payload: url(envelope.payload), signatures };
  const opened = openEnvelope(JSON.stringify(loose), [signer]);
  expect(opened.kind === 'opened' && text(opened.body)).toBe(text(body));
});

it.each<[string, (envelope: ReturnType<typeof sealed>) => unknown, string]>([
  ['another payload', (e) => ({ ...e, payload: Buffer.from('{}').toString('base64') }), 'bad-signature'],
  ['another type', (e) => ({ ...e, payloadType: 'application/json' }), 'bad-signature'],
  [
    'the signature of another key',
    (e) => ({ ...e, signatures: signEnvelope(IN_TOTO, body, other).signatures }),
    'unknown-key',
  ],
  ['no signature', (e) => ({ ...e, signatures: [] }), 'unknown-key'],
  ['base64 that is none', (e) => ({ ...e, payload: '$$$' }), 'malformed'],
  ['signatures without end', (e) => ({ ...e, signatures: Array(65).fill(e.signatures[0]) }), 'malformed'],
  ['an array', () => [], 'malformed'],
  ['null', () => null, 'malformed'],
])('refuses %s', (_, change, kind) => {
  expect(openEnvelope(JSON.stringify(change(sealed())), [signer]).kind).toBe(kind);
});

it('refuses what is no JSON, and what is too large, without parsing it', () => {
  expect(openEnvelope('{"payload', [signer]).kind).toBe('malformed');
  expect(openEnvelope(' '.repeat(1_048_577), [signer])).toMatchObject({
    reason: 'the envelope is too large',
  });
});

it('is not opened by a witness key of the same name', () => {
  const witness = parseSignerKey(generateKey('factory.test/trail', 'cosignature').secret);
  if (witness === null) throw new Error('no key');
  expect(openEnvelope(JSON.stringify(signEnvelope(IN_TOTO, body, witness)), [witness]).kind).not.toBe(
    'opened',
  );
});
