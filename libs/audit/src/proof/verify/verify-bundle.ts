import { type ReadBundle, type ReadEntry, readBundle, type Unreadable } from '../export/bundle.ts';
import { openCheckpoint } from '../log/checkpoint.ts';
import { checkPayload, leafHash } from '../log/entry.ts';
import { parseVerifierKey, type VerifierKey } from '../log/keys.ts';
import { dataOf, redactedBy, rotationsOf } from '../log/payloads.ts';
import { InclusionChecker } from '../log/proofs.ts';
import { keysAfter } from '../log/rotation.ts';

/** Nothing was changed, or what is the first position that was. */
export type Integrity =
  | { kind: 'ok' }
  /** `position` is the first bad one; where only a range is known, the first bad one is between it and `through`. */
  | { kind: 'tampered'; position: number; through: number; code: string; reason: string }
  /** Nobody whose key was given vouches for it. */
  | { kind: 'untrusted'; code: 'unknown-key' | 'bad-signature' | 'bad-key'; reason: string }
  | Unreadable;

export type Completeness =
  | { kind: 'complete' }
  /** The run has no closing entry yet, or went on after it: what is missing cannot be known. */
  | { kind: 'open' }
  /** The first version that is missing, and the last position of its stream before it (0: none). */
  | { kind: 'incomplete'; stream: string; version: number; after: number; reason: string }
  /** Not a run's bundle, or integrity failed. */
  | { kind: 'unknown' };

export type BundleVerdict = {
  integrity: Integrity;
  completeness: Completeness;
  run: string | null;
  entries: number;
  /** Positions whose free text was erased, as the trail says: the entries themselves are proved. */
  redacted: number[];
  checkpoint: { origin: string; size: number } | null;
  signedBy: string[];
  cosignedBy: { name: string; at: number }[];
};

const tampered = (position: number, code: string, reason: string): Integrity => ({
  kind: 'tampered',
  position,
  through: position,
  code,
  reason,
});

/** A key in a file that is none, or not of its name: what is not checked could be changed unseen. */
export function oddKey(keys: Record<string, string[]>): Unreadable | null {
  const odd = Object.entries(keys).find(([name, list]) =>
    list.some((one) => parseVerifierKey(one)?.name !== name),
  );
  return odd === undefined
    ? null
    : { kind: 'unreadable', code: 'malformed', reason: `the key of ${odd[0]} in it is not as it should be` };
}

/** Checks entries against a tree: order, payloads, proofs. Null where all is well. */
export function firstBad(entries: readonly ReadEntry[], tree: InclusionChecker): Integrity | null {
  let last = 0;
  for (const { envelope, payload, proof } of entries) {
    const { position } = envelope;
    if (position <= last)
      return tampered(position, 'reordered', `entry ${position} comes after entry ${last}`);
    last = position;
    const checked = checkPayload(envelope, payload);
    if (checked === 'missing')
      return tampered(position, 'missing', `the payload of entry ${position} is missing`);
    if (checked === 'mismatch')
      return tampered(position, 'payload', `the payload of entry ${position} is not what was recorded`);
    if (!tree.check(position - 1, leafHash(envelope), proof))
      return tampered(
        position,
        'not-in-tree',
        `entry ${position} is not in the tree under the checkpoint: it or its proof was changed`,
      );
  }
  return null;
}

/** Erased free text, as far as the bundle's own proved entries say that it was. */
export function redactedOf(
  entries: readonly ReadEntry[],
  redactions: readonly ReadEntry[],
): Integrity | number[] {
  const said = new Set(redactions.map(({ envelope, payload }) => redactedBy(envelope, payload)));
  const erased = [...entries, ...redactions]
    .filter(({ envelope, payload }) => checkPayload(envelope, payload) === 'redacted')
    .map(({ envelope }) => envelope.position);
  const unsaid = erased.find((position) => !said.has(position));
  return unsaid === undefined
    ? [...new Set(erased)]
    : tampered(
        unsaid,
        'missing',
        `the free text of entry ${unsaid} is gone, and no entry says that it was redacted`,
      );
}

/**
 * Every stream reaches, without a gap, the version that the run's closing entry lists. A run that went on is measured by its last one. That it
 * went on after the last entry here, no bundle can exclude: a range of the trail does.
 */
function completenessOf(run: string | null, entries: readonly ReadEntry[]): Completeness {
  if (run === null) return { kind: 'unknown' };
  const own = `run/${run}`;
  const reached = new Map<string, { version: number; position: number }>();
  const begun = new Map<string, number>();
  let closing: ReadEntry | undefined;
  for (const entry of entries) {
    const { stream, version, position, type } = entry.envelope;
    // Of a target's stream, which runs share, a bundle has the part that is of its own release.
    const first = { version: stream.startsWith('target/') ? version - 1 : 0, position: 0 };
    const before = reached.get(stream) ?? first;
    if (!reached.has(stream)) begun.set(stream, version);
    if (version !== before.version + 1) {
      const reason = `version ${before.version + 1} of ${stream} is missing`;
      return { kind: 'incomplete', stream, version: before.version + 1, after: before.position, reason };
    }
    reached.set(stream, { version, position });
    // Whatever follows a closing entry, such as run.resumed, says that it was not the last.
    if (stream === own) closing = type === 'run.closed' ? entry : undefined;
  }
  if (!reached.has(own))
    return {
      kind: 'incomplete',
      stream: own,
      version: 1,
      after: 0,
      reason: `none of ${own} is in the bundle`,
    };
  if (closing === undefined) return { kind: 'open' };
  const streams = dataOf(closing)?.streams;
  if (streams === null || typeof streams !== 'object')
    return {
      kind: 'incomplete',
      stream: own,
      version: closing.envelope.version,
      after: 0,
      reason: 'the closing entry cannot be read',
    };
  for (const [stream, version] of Object.entries(streams).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { version: last, position } = reached.get(stream) ?? { version: 0, position: 0 };
    if (typeof version !== 'number' || last < version)
      return {
        kind: 'incomplete',
        stream,
        version: last + 1,
        after: position,
        reason: `${stream} ends at version ${last}, not ${version}`,
      };
  }
  const more = [...reached].find(([stream]) => stream.startsWith('attempt/') && !(stream in streams));
  if (more !== undefined)
    return {
      kind: 'incomplete',
      stream: own,
      version: closing.envelope.version + 1,
      after: closing.envelope.position,
      reason: `${more[0]} is not listed by the last closing entry here: the run went on after it`,
    };
  return sliceMissing(dataOf(closing)?.slices, begun, reached) ?? { kind: 'complete' };
}

/** The part of a shared stream that the closing entry names has both of its ends. */
function sliceMissing(
  slices: unknown,
  begun: ReadonlyMap<string, number>,
  reached: ReadonlyMap<string, { version: number; position: number }>,
): Completeness | null {
  for (const [stream, slice] of Object.entries(slices ?? {})) {
    const { from, to } = slice as { from?: unknown; to?: unknown };
    const { version: last, position: after } = reached.get(stream) ?? { version: 0, position: 0 };
    if ((begun.get(stream) ?? Number.POSITIVE_INFINITY) > Number(from))
      return {
        kind: 'incomplete',
        stream,
        version: Number(from),
        after: 0,
        reason: `${stream} begins after version ${from}`,
      };
    if (!(last >= Number(to)))
      return {
        kind: 'incomplete',
        stream,
        version: last + 1,
        after,
        reason: `${stream} ends at version ${last}, not ${to}`,
      };
  }
  return null;
}

function verified(bundle: ReadBundle, trusted: readonly VerifierKey[]): BundleVerdict {
  const verdict: BundleVerdict = {
    integrity: { kind: 'ok' },
    completeness: { kind: 'unknown' },
    run: bundle.run,
    entries: bundle.entries.length,
    redacted: [],
    checkpoint: null,
    signedBy: [],
    cosignedBy: [],
  };
  const odd = oddKey(bundle.keys);
  if (odd !== null) return { ...verdict, integrity: odd };
  const opened = openCheckpoint(bundle.checkpoint, keysAfter(trusted, rotationsOf(bundle.rotations)));
  if (opened.kind === 'malformed')
    return { ...verdict, integrity: { kind: 'unreadable', code: 'malformed', reason: opened.reason } };
  if (opened.kind !== 'opened')
    return { ...verdict, integrity: { kind: 'untrusted', code: opened.kind, reason: opened.reason } };
  const { origin, size, root } = opened.checkpoint;
  verdict.checkpoint = { origin, size };
  verdict.signedBy = opened.signedBy.map((key) => key.vkey);
  verdict.cosignedBy = opened.cosignedBy.map(({ key, at }) => ({ name: key.name, at }));
  const tree = new InclusionChecker(size, root);
  const bad =
    firstBad(bundle.entries, tree) ?? firstBad(bundle.rotations, tree) ?? firstBad(bundle.redactions, tree);
  if (bad !== null) return { ...verdict, integrity: bad };
  const redacted = redactedOf(bundle.entries, bundle.redactions);
  if (!Array.isArray(redacted)) return { ...verdict, integrity: redacted };
  verdict.redacted = redacted;
  verdict.completeness = completenessOf(bundle.run, bundle.entries);
  return verdict;
}

const nothing = (integrity: Integrity): BundleVerdict => ({
  integrity,
  completeness: { kind: 'unknown' },
  run: null,
  entries: 0,
  redacted: [],
  checkpoint: null,
  signedBy: [],
  cosignedBy: [],
});

/**
 * Judges a bundle with nothing but verifier keys: the log's (of any time: rotations lead on to the one that signed) and, if wanted,
 * witnesses'. Never throws; time and memory are bounded by the bundle's size, and that by `MAX_BUNDLE_BYTES`.
 */
export function verifyBundle(source: string | Uint8Array, vkeys: readonly string[]): BundleVerdict {
  const keys = vkeys.map((vkey) => ({ vkey, key: parseVerifierKey(vkey) }));
  const trusted = keys.flatMap(({ key }) => key ?? []);
  const wrong = keys.find(({ key }) => key === null);
  if (wrong !== undefined)
    return nothing({
      kind: 'untrusted',
      code: 'bad-key',
      reason: `this is not a verifier key: ${wrong.vkey.slice(0, 200)}`,
    });
  const read = readBundle(source);
  return read.kind === 'read' ? verified(read.bundle, trusted) : nothing(read);
}
