import { Buffer } from '#platform';
import { fromBase64 } from '../base64.ts';
import { type Checkpoint, cosign, openCheckpoint } from './checkpoint.ts';
import type { SignerKey, VerifierKey } from './keys.ts';
import { formatNote, MAX_NOTE, parseNote, type Signature, signatureLine } from './note.ts';
import { checkConsistency } from './proofs.ts';
import { EMPTY_ROOT } from './tree.ts';

// What a witness decides, as https://c2sp.org/tlog-witness has it: it cosigns a checkpoint only if that goes on from the last one it
// cosigned for that origin. Pure: whoever keeps the state must store the new one before the cosignature leaves the house.

/** What a witness remembers of a log: the last checkpoint that it cosigned, as the note it was (the log's signature is the evidence). */
export type Witnessed = { size: number; note: string };

export type Submission = {
  /** Size of the checkpoint that the proof goes on from: 0 for the first. */
  old: number;
  proof: readonly Uint8Array[];
  /** The log's signed checkpoint. */
  note: string;
};

export type WitnessVerdict =
  /** Store `next`, then hand out `signature`. */
  | { kind: 'cosigned'; next: Witnessed; signature: Signature; checkpoint: Checkpoint }
  /** The proof goes on from another checkpoint than the last: ask again from `size` (409). */
  | { kind: 'conflict'; size: number }
  /** Not a checkpoint, or not one of a log that is known (400, 403, 404). Nothing is told by it. */
  | { kind: 'refused'; status: 400 | 403 | 404; reason: string }
  /**
   * The log has signed what contradicts what it signed before: a fork, or a step back. Never cosigned; both notes are the evidence,
   * since the log's own signatures are on them (422).
   */
  | {
      kind: 'alarm';
      code: 'fork' | 'step-back' | 'bad-proof';
      reason: string;
      evidence: { before: string; now: string };
    };

/** RFC 6962 proofs of trees that a number can count have no more hashes; the protocol says 63. */
const MAX_PROOF = 63;

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function opened(note: string, keys: readonly VerifierKey[]) {
  const result = openCheckpoint(note, keys);
  if (result.kind === 'opened') return result;
  const status = result.kind === 'malformed' ? (400 as const) : (403 as const);
  return { kind: 'refused', status, reason: result.reason } as const;
}

/**
 * Judges a checkpoint of the log whose keys these are, on from `last` (null: this witness has none of it yet). `seconds` are POSIX time.
 * A smaller checkpoint than the last is an alarm only where the log now calls it its latest (`claimsLatest`): over HTTP anybody may send an
 * old one again, and then it is a conflict.
 */
export function judge(
  last: Witnessed | null,
  submission: Submission,
  options: { keys: readonly VerifierKey[]; signer: SignerKey; seconds: number; claimsLatest?: boolean },
): WitnessVerdict {
  const now = opened(submission.note, options.keys);
  if (now.kind === 'refused') return now;
  const { size, root, origin } = now.checkpoint;
  const before = last === null ? null : opened(last.note, options.keys);
  if (before?.kind === 'refused')
    return {
      kind: 'refused',
      status: 403,
      reason: `what was witnessed before does not hold: ${before.reason}`,
    };
  const known = before?.checkpoint ?? { origin, size: 0, root: EMPTY_ROOT };
  const alarm = (code: 'fork' | 'step-back' | 'bad-proof', reason: string): WitnessVerdict => ({
    kind: 'alarm',
    code,
    reason,
    evidence: { before: last?.note ?? '', now: submission.note },
  });
  if (origin !== known.origin)
    return { kind: 'refused', status: 404, reason: `this witness watches ${known.origin}, not ${origin}` };
  if (submission.old > size)
    return { kind: 'refused', status: 400, reason: 'the old size is larger than the checkpoint' };
  if (size === 0 && !same(root, EMPTY_ROOT))
    return alarm('bad-proof', 'a checkpoint of an empty tree has another root than the empty one');
  if (size < known.size && options.claimsLatest)
    return alarm('step-back', `${origin} went back from ${known.size} entries to ${size}`);
  if (size === known.size && last !== null && !same(root, known.root))
    return alarm('fork', `${origin} signed two different trees of ${size} entries`);
  if (submission.old !== known.size) return { kind: 'conflict', size: known.size };
  if (submission.proof.length > MAX_PROOF)
    return { kind: 'refused', status: 400, reason: 'the proof is too long' };
  if (!checkConsistency(known.size, size, known.root, root, submission.proof))
    return alarm(
      'bad-proof',
      `${origin} did not prove that its ${size} entries begin with the ${known.size} that were witnessed`,
    );
  const { text, signatures } = now.note;
  const signature = cosign(text, options.signer, options.seconds);
  const own = signatures.filter((one) =>
    now.signedBy.some((key) => key.name === one.name && key.id === one.id),
  );
  return {
    kind: 'cosigned',
    next: { size, note: formatNote({ text, signatures: [...own, signature] }) },
    signature,
    checkpoint: now.checkpoint,
  };
}

/** A submission as `add-checkpoint` posts it: `old N`, lines of proof, an empty line, the checkpoint. Null for anything else. */
export function parseSubmission(body: string): Submission | null {
  if (body.length > MAX_NOTE) return null;
  const cut = body.indexOf('\n\n');
  const [first = '', ...lines] = body.slice(0, Math.max(0, cut)).split('\n');
  const old = /^old (0|[1-9][0-9]{0,15})$/.exec(first)?.[1];
  const proof = lines.map(fromBase64);
  if (old === undefined || !Number.isSafeInteger(Number(old)) || lines.length > MAX_PROOF) return null;
  if (!proof.every((hash) => hash?.length === 32)) return null;
  return { old: Number(old), proof: proof as Uint8Array[], note: body.slice(cut + 2) };
}

/** Signature lines, as a witness answers with. Null for anything else. */
export function parseSignatureLines(lines: string): Signature[] | null {
  const parsed = parseNote(`-\n\n${lines}`);
  return parsed.kind === 'note' ? parsed.note.signatures : null;
}

export const formatSignatureLines = (signatures: readonly Signature[]): string =>
  signatures.map(signatureLine).join('');
