import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toBase64 } from '../base64.ts';
import { Ledger } from '../testing/ledger.ts';
import { openCheckpoint } from './checkpoint.ts';
import { generateKey } from './keys.ts';
import {
  formatSignatureLines,
  judge,
  parseSignatureLines,
  parseSubmission,
  type Submission,
  type Witnessed,
} from './witness.ts';

/** As `add-checkpoint` of C2SP's tlog-witness has it. */
const formatSubmission = ({ old, proof, note }: Submission): string =>
  `old ${old}\n${proof.map((hash) => `${toBase64(hash)}\n`).join('')}\n${note}`;
const signer = generateKey('witness.example/w', 'cosignature').signer;

function grown(n: number, kind = 'x'): Ledger {
  const ledger = new Ledger();
  for (let i = 0; i < n; i++) ledger.append('factory', 'factory.halted', { reason: `${kind} ${i}` });
  return ledger;
}
const ledger = grown(40);
const options = { keys: [ledger.signer], signer, seconds: 1_700_000_000 };
const submit = (from: Ledger, old: number, size: number): Submission => ({
  old,
  proof: from.consistency(old, size),
  note: from.checkpoint(size),
});
/** The state after witnessing these sizes in turn. */
function after(...sizes: number[]): Witnessed | null {
  return sizes.reduce<Witnessed | null>((last, size) => {
    const verdict = judge(last, submit(ledger, last?.size ?? 0, size), options);
    if (verdict.kind !== 'cosigned') throw new Error(JSON.stringify(verdict));
    return verdict.next;
  }, null);
}
/** Another history under the same key. */
const fork = new Ledger(ledger.origin, ledger.signer);
for (let i = 0; i < 40; i++) fork.append('factory', 'factory.halted', { reason: `fork ${i}` });

describe('cosigns', () => {
  test('the first checkpoint, and each that goes on from the last', () => {
    const verdict = judge(after(7), submit(ledger, 7, 29), options);
    if (verdict.kind !== 'cosigned') throw new Error(verdict.kind);
    expect(verdict.next.size).toBe(29);
    const opened = openCheckpoint(verdict.next.note, [ledger.signer, signer]);
    expect(opened).toMatchObject({
      kind: 'opened',
      checkpoint: { size: 29 },
      cosignedBy: [{ at: 1_700_000_000 }],
    });
  });

  test('the same one again, at a later time', () => {
    expect(judge(after(7), submit(ledger, 7, 7), { ...options, seconds: 1_800_000_000 }).kind).toBe(
      'cosigned',
    );
  });

  test('any growing history, whatever its sizes', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        (sizes) => {
          const growing = sizes.sort((a, b) => a - b);
          expect(after(...growing)?.size).toBe(growing.at(-1));
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('refuses, and shouts', () => {
  test('a fork of the same size, with both notes as evidence', () => {
    const verdict = judge(after(20), { ...submit(fork, 20, 20) }, options);
    expect(verdict).toMatchObject({ kind: 'alarm', code: 'fork', evidence: { now: fork.checkpoint(20) } });
    if (verdict.kind === 'alarm')
      expect(openCheckpoint(verdict.evidence.before, [ledger.signer]).kind).toBe('opened');
  });

  test('a fork that goes on: no proof can be made for it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 39 }), fc.boolean(), (size, ours) => {
        const proof = (ours ? ledger : fork).consistency(size, 40);
        const verdict = judge(after(size), { old: size, proof, note: fork.checkpoint(40) }, options);
        expect(verdict).toMatchObject({ kind: 'alarm', code: 'bad-proof' });
      }),
      { numRuns: 30 },
    );
  });

  test('a step back of what the log calls its latest; the same, sent by anybody, is only a conflict', () => {
    const old = { old: 12, proof: [], note: ledger.checkpoint(12) };
    expect(judge(after(20), old, { ...options, claimsLatest: true })).toMatchObject({
      kind: 'alarm',
      code: 'step-back',
    });
    expect(judge(after(20), old, options)).toEqual({ kind: 'conflict', size: 20 });
  });

  test('a proof from another size than the last is a conflict', () => {
    expect(judge(after(20), submit(ledger, 12, 30), options)).toEqual({ kind: 'conflict', size: 20 });
    expect(judge(null, submit(ledger, 12, 30), options)).toEqual({ kind: 'conflict', size: 0 });
  });

  test('a proof that is garbled, too short or too long', () => {
    const good = submit(ledger, 20, 33);
    for (const proof of [[], good.proof.slice(1), good.proof.toReversed(), [...good.proof, ledger.root(1)]])
      expect(judge(after(20), { ...good, proof }, options)).toMatchObject({
        kind: 'alarm',
        code: 'bad-proof',
      });
    const endless = Array.from({ length: 64 }, () => ledger.root(1));
    expect(judge(after(20), { ...good, proof: endless }, options)).toMatchObject({
      kind: 'refused',
      status: 400,
    });
  });

  test('what is not signed by the log, not a checkpoint, or of another log', () => {
    const stranger = generateKey(ledger.origin, 'note').signer;
    const theirs = { old: 0, proof: [], note: ledger.checkpoint(5, { by: stranger }) };
    expect(judge(null, theirs, options)).toMatchObject({ kind: 'refused', status: 403 });
    expect(judge(null, { old: 0, proof: [], note: 'hello' }, options)).toMatchObject({
      kind: 'refused',
      status: 400,
    });
    expect(judge(null, { old: 9, proof: [], note: ledger.checkpoint(5) }, options)).toMatchObject({
      kind: 'refused',
      status: 400,
    });
    const other = new Ledger('other.example/trail');
    other.append('factory', 'factory.halted', {});
    const both = { ...options, keys: [ledger.signer, other.signer] };
    expect(judge(after(5), submit(other, 0, 1), both)).toMatchObject({ kind: 'refused', status: 404 });
  });
});

describe('the protocol text', () => {
  test('a submission and the answer come back as they were', () => {
    const submission = submit(ledger, 12, 30);
    const body = formatSubmission(submission);
    expect(body.startsWith('old 12\n')).toBe(true);
    expect(parseSubmission(body)).toEqual(submission);
    const verdict = judge(after(12), submission, options);
    if (verdict.kind !== 'cosigned') throw new Error(verdict.kind);
    expect(parseSignatureLines(formatSignatureLines([verdict.signature]))).toEqual([verdict.signature]);
  });

  test.each([
    '',
    'old 1',
    'old 01\n\nx\n',
    'new 1\n\nx\n',
    'old 1\nnot base64\n\nx\n',
    'old 1\nAAAA\n\nx\n',
    `old 1\n${'A'.repeat(300_000)}\n\n`,
  ])('garbage is none: %#', (body) => {
    expect(parseSubmission(body)).toBeNull();
    expect(parseSignatureLines(body)).toBeNull();
  });
});
