import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { canonicalBytes } from '../log/entry.ts';
import { generateKey, type SignerKey } from '../log/keys.ts';
import { rotation } from '../log/rotation.ts';
import { Ledger } from '../testing/ledger.ts';
import { verifyBundle } from '../verify/verify-bundle.ts';
import { verifyAttestations } from './attestations.ts';
import { type DsseEnvelope, IN_TOTO, signEnvelope } from './dsse.ts';

const RUN = 'run_0000000000000001';
const COMMIT = 'c'.repeat(40);
const LAYER = 'd'.repeat(64);

const statement = (subject: object, byproducts: object[] = []) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'n', digest: subject }],
  predicateType: 'https://slsa.dev/provenance/v1',
  predicate: { runDetails: { byproducts } },
});
const lineOf = (envelope: DsseEnvelope) => Buffer.from(canonicalBytes(envelope)).toString();
const sealed = (value: object, signer: SignerKey, type = IN_TOTO) =>
  lineOf(signEnvelope(type, canonicalBytes(value), signer));
const digestOf = (line: string) => `sha256:${createHash('sha256').update(line).digest('hex')}`;

/** A run that merged and released, its change attested by `change` and its release by `release`. */
function told(make: { change?: (ledger: Ledger) => string; release?: (ledger: Ledger) => string } = {}) {
  const ledger = new Ledger();
  ledger.append(`run/${RUN}`, 'merge.finished', { commit: COMMIT });
  const change = (
    make.change ??
    (({ signer }) =>
      sealed(
        statement({ gitCommit: COMMIT }, [{ annotations: { position: 1, type: 'merge.finished' } }]),
        signer,
      ))
  )(ledger);
  ledger.append(`run/${RUN}`, 'change.attested', { commit: COMMIT, attestation: digestOf(change), key: 'k' });
  const release = (make.release ?? (({ signer }) => sealed(statement({ sha256: LAYER }), signer)))(ledger);
  ledger.append(`run/${RUN}`, 'release.attested', {
    release: 'rel_1',
    layer: `sha256:${LAYER}`,
    attestation: digestOf(release),
    key: 'k',
  });
  const bundle = JSON.stringify(ledger.bundle(RUN, ({ stream }) => stream.startsWith('run/')));
  return { ledger, change, release, bundle, vkeys: [ledger.signer.vkey] };
}

it('holds where every envelope that the entries name is there, in any order, beside lines of others', () => {
  const { change, release, bundle, vkeys } = told();
  const verdict = verifyAttestations(`${release}\n{"not":"ours"}\n${change}\n`, bundle, vkeys);
  expect(verdict).toMatchObject({
    kind: 'ok',
    ignored: 1,
    attestations: [
      { position: 2, of: 'change', predicateType: 'https://slsa.dev/provenance/v1', signedBy: vkeys[0] },
      { position: 3, of: 'release' },
    ],
  });
});

const stranger = generateKey('factory.example/trail', 'note').signer;
it.each<[string, string, Parameters<typeof told>[0], (lines: string[]) => string[]]>([
  ['an attestation that was left out', 'missing', {}, (lines) => lines.slice(1)],
  [
    'one changed by a byte',
    'missing',
    {},
    ([a = '', b = '']) => [a.replace('"payload":"e', '"payload":"f'), b],
  ],
  ['one with another signature', 'missing', {}, ([a = '', b = '']) => [a.replace(/"sig":"./, '"sig":"_'), b]],
  [
    'one that another key signed',
    'unknown-key',
    { change: () => sealed(statement({ gitCommit: COMMIT }), stranger) },
    (lines) => lines,
  ],
  [
    'one that says it was signed by the log',
    'bad-signature',
    {
      change: ({ signer }) =>
        lineOf({ ...signEnvelope(IN_TOTO, Buffer.from('{}'), signer), payload: 'e30K' }),
    },
    (lines) => lines,
  ],
  [
    'one about another commit',
    'other-subject',
    { change: ({ signer }) => sealed(statement({ gitCommit: 'e'.repeat(40) }), signer) },
    (lines) => lines,
  ],
  [
    'one about other bytes',
    'other-subject',
    { release: ({ signer }) => sealed(statement({ sha256: 'e'.repeat(64) }), signer) },
    (lines) => lines,
  ],
  [
    'one that names an entry which is another',
    'other-trail',
    {
      change: ({ signer }) =>
        sealed(
          statement({ gitCommit: COMMIT }, [{ annotations: { position: 1, type: 'gate.decided' } }]),
          signer,
        ),
    },
    (lines) => lines,
  ],
  [
    'one that is no statement',
    'malformed',
    { change: ({ signer }) => sealed({ _type: 'https://in-toto.io/Statement/v0.1' }, signer) },
    (lines) => lines,
  ],
  [
    'one of another payload type',
    'malformed',
    { change: ({ signer }) => sealed(statement({ gitCommit: COMMIT }), signer, 'application/json') },
    (lines) => lines,
  ],
])('finds %s', (_, code, make, change) => {
  const made = told(make);
  expect(verifyBundle(made.bundle, made.vkeys).integrity.kind).toBe('ok');
  const lines = change([made.change, made.release]).join('\n');
  expect(verifyAttestations(lines, made.bundle, made.vkeys)).toMatchObject({ kind: 'bad', code });
});

it('knows the key of before a rotation, whichever of the two is trusted', () => {
  const { ledger, change, release } = told();
  const next = generateKey(ledger.origin, 'note').signer;
  ledger.append('factory', 'factory.key-rotated', rotation(ledger.signer, next));
  const checkpoint = ledger.checkpoint(ledger.entries.length, { by: next });
  const bundle = JSON.stringify(ledger.bundle(RUN, ({ stream }) => stream.startsWith('run/'), checkpoint));
  for (const vkey of [ledger.signer.vkey, next.vkey])
    expect(verifyAttestations(`${change}\n${release}`, bundle, [vkey]), vkey).toMatchObject({ kind: 'ok' });
});

it('says of what is no bundle that it cannot be read', () => {
  expect(verifyAttestations('', '{}', [])).toMatchObject({ kind: 'unreadable' });
});
