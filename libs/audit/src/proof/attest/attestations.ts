import { z } from 'zod';
import { sha256Hex } from '#platform';
import { type ReadEntry, readBundle } from '../export/bundle.ts';
import { parseVerifierKey, type VerifierKey } from '../log/keys.ts';
import { dataOf, rotationsOf } from '../log/payloads.ts';
import { keysAfter } from '../log/rotation.ts';
import { IN_TOTO, openEnvelope } from './dsse.ts';

// Attestations beside a bundle: JSON lines of DSSE envelopes (in-toto's bundle). The entries `change.attested` and `release.attested` hold the
// digests of the envelopes, so that none can be swapped or left out unseen.

/** Files are read up to this size. */
export const MAX_ATTESTATIONS_BYTES = 33_554_432;

type Attestation = {
  position: number;
  of: 'change' | 'release';
  digest: string;
  predicateType: string;
  signedBy: string;
};

export type AttestationsVerdict =
  | {
      kind: 'ok';
      attestations: Attestation[] /** Lines of others, which the format allows: nothing is said of them. */;
      ignored: number;
    }
  | {
      kind: 'bad';
      position: number;
      code: 'missing' | 'bad-signature' | 'unknown-key' | 'malformed' | 'other-subject' | 'other-trail';
      reason: string;
    }
  | { kind: 'unreadable'; reason: string };

const Subject = z.looseObject({ digest: z.record(z.string(), z.string()) });
const Byproduct = z.looseObject({
  annotations: z.looseObject({ position: z.number().int(), type: z.string() }).optional(),
});
const Statement = z.looseObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z.array(Subject).min(1),
  predicateType: z.string(),
  predicate: z.looseObject({
    runDetails: z.looseObject({ byproducts: z.array(Byproduct).default([]) }).optional(),
  }),
});

type Claim = {
  position: number;
  of: 'change' | 'release';
  attestation: string;
  subject: Record<string, string>;
};

/** What the entries of the bundle say is attested: the digest of each envelope, and what it must be about. */
function claimsOf(entries: readonly ReadEntry[]): Claim[] {
  return entries.flatMap((entry): Claim[] => {
    const { type, position } = entry.envelope;
    if (type !== 'change.attested' && type !== 'release.attested') return [];
    const data = dataOf(entry);
    const attestation = String(data?.attestation ?? '');
    return type === 'change.attested'
      ? [{ position, of: 'change', attestation, subject: { gitCommit: String(data?.commit ?? '') } }]
      : [
          {
            position,
            of: 'release',
            attestation,
            subject: { sha256: String(data?.layer ?? '').replace('sha256:', '') },
          },
        ];
  });
}

function judged(
  claim: Claim,
  line: string,
  types: Map<number, string>,
  keys: readonly VerifierKey[],
): Attestation | AttestationsVerdict {
  const { position, of } = claim;
  const bad = (
    code: Extract<AttestationsVerdict, { kind: 'bad' }>['code'],
    reason: string,
  ): AttestationsVerdict => ({ kind: 'bad', position, code, reason });
  const opened = openEnvelope(line, keys);
  if (opened.kind !== 'opened') return bad(opened.kind, opened.reason);
  const statement = parsed(opened.payloadType === IN_TOTO ? opened.body : null);
  if (statement === null) return bad('malformed', 'the envelope does not hold an in-toto statement');
  const names = ([name, digest]: [string, string]) =>
    statement.subject.some((one) => one.digest[name] === digest);
  if (!Object.entries(claim.subject).every(names))
    return bad('other-subject', `the statement is not about what entry ${position} says`);
  const wrong = (statement.predicate.runDetails?.byproducts ?? []).find(
    ({ annotations }) => annotations !== undefined && types.get(annotations.position) !== annotations.type,
  );
  if (wrong?.annotations !== undefined)
    return bad(
      'other-trail',
      `the statement says that entry ${wrong.annotations.position} is ${wrong.annotations.type}, which the bundle does not`,
    );
  const [key] = opened.signedBy;
  return {
    position,
    of,
    digest: claim.attestation,
    predicateType: statement.predicateType,
    signedBy: key?.vkey ?? '',
  };
}

function parsed(body: Uint8Array | null): z.output<typeof Statement> | null {
  if (body === null) return null;
  try {
    return (
      Statement.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))).data ?? null
    );
  } catch {
    return null; // the caller says that it is no statement
  }
}

/**
 * Checks attestations against a bundle that `verifyBundle` found whole: each that its entries name is there, with these bytes, signed by the
 * log, about this commit or these bytes, and naming entries that are in the bundle. Keys may be of any time of the log: an envelope's digest is
 * on the trail, so an old key that was stolen can add none.
 */
export function verifyAttestations(
  lines: string,
  bundle: string | Uint8Array,
  vkeys: readonly string[],
): AttestationsVerdict {
  const read = readBundle(bundle);
  if (read.kind !== 'read') return { kind: 'unreadable', reason: read.reason };
  if (lines.length > MAX_ATTESTATIONS_BYTES)
    return { kind: 'unreadable', reason: 'the file of attestations is too large' };
  const { entries, rotations } = read.bundle;
  const trusted = vkeys.flatMap((vkey) => parseVerifierKey(vkey) ?? []);
  const keys = keysAfter(trusted, rotationsOf(rotations), { backwards: true });
  const byDigest = new Map(
    lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [`sha256:${sha256Hex(line)}`, line]),
  );
  const types = new Map(entries.map(({ envelope }) => [envelope.position, envelope.type]));
  const attestations: Attestation[] = [];
  for (const claim of claimsOf(entries)) {
    const line = byDigest.get(claim.attestation);
    if (line === undefined)
      return {
        kind: 'bad',
        position: claim.position,
        code: 'missing',
        reason: `the attestation of the ${claim.of} (${claim.attestation}) is not in the file, or was changed`,
      };
    byDigest.delete(claim.attestation);
    const found = judged(claim, line, types, keys);
    if ('kind' in found) return found;
    attestations.push(found);
  }
  return { kind: 'ok', attestations, ignored: byDigest.size };
}

/** How many attestations a bundle's entries name. */
export function attestationsNamed(bundle: string | Uint8Array): number {
  const read = readBundle(bundle);
  return read.kind === 'read' ? claimsOf(read.bundle.entries).length : 0;
}
