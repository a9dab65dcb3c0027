import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Buffer } from '#platform';
import { leafHash } from '../log/entry.ts';
import { Ledger } from '../testing/ledger.ts';
import { type TrailClaims, type TrailEntry, TrailVerifier } from './verify-trail.ts';

// The verifier without a database; what a superuser does to a real one is in seal/verify.int.test.ts.

const SIZE = 60;
const CHECKPOINTS = [7, 16, 30, 33, 60];
const ledger = new Ledger();
for (let i = 0; i < SIZE; i++)
  ledger.append(`ticket/tkt_${i % 7}`, 'factory.halted', { reason: `entry ${i}` });
const whole: readonly TrailEntry[] = ledger.entries.map(({ envelope, ...payload }) => ({
  envelope,
  payload,
}));
const leaves = ledger.entries.map(({ envelope }) => leafHash(envelope));

function verdictOf(
  entries: readonly TrailEntry[],
  claims: Partial<TrailClaims> & { sealed?: boolean; checkpoints?: readonly number[] } = {},
) {
  const verifier = new TrailVerifier({ keys: [ledger.signer], ...claims });
  if (claims.sealed !== false) for (const [i, leaf] of leaves.entries()) verifier.sealedLeaf(i + 1, leaf);
  for (const size of claims.checkpoints ?? CHECKPOINTS) verifier.checkpoint(size, ledger.checkpoint(size));
  for (const entry of entries) verifier.entry(entry);
  return verifier.finish();
}

const field = fc.constantFrom('actor', 'at', 'type', 'stream', 'version', 'payloadDigest', 'payload', 'salt');
const changed = (entry: TrailEntry, what: string): TrailEntry => {
  const { envelope, payload } = entry;
  if (payload === null) return entry;
  if (what === 'payload')
    return { envelope, payload: { ...payload, bytes: Buffer.from('{"reason":"another"}') } };
  if (what === 'salt') return { envelope, payload: { ...payload, salt: Buffer.alloc(16) } };
  const other = {
    actor: 'migrator',
    at: envelope.at + 1,
    type: 'a.b',
    stream: 'factory',
    version: envelope.version + 1,
    payloadDigest: `sha256:${'0'.repeat(64)}`,
  };
  return {
    envelope: { ...envelope, [what]: other[what as keyof typeof other] } as TrailEntry['envelope'],
    payload,
  };
};

describe('whatever is done to one entry is found, where it was done', () => {
  test('untouched, all is well', () => {
    expect(verdictOf(whole)).toMatchObject({
      integrity: { kind: 'ok' },
      entries: SIZE,
      sealed: SIZE,
      checkpoints: CHECKPOINTS.length,
    });
  });

  test('changed: exactly, with the hashes that were sealed; within its checkpoint, without', () => {
    fc.assert(
      fc.property(fc.nat(SIZE - 1), field, (i, what) => {
        const entries = whole.with(i, changed(whole[i] ?? ({} as TrailEntry), what));
        expect(verdictOf(entries).integrity).toMatchObject({
          kind: 'tampered',
          position: i + 1,
          through: i + 1,
        });
        const { integrity } = verdictOf(entries, { sealed: false });
        expect(integrity.kind).toBe('tampered');
        if (integrity.kind === 'tampered') {
          expect(integrity.position).toBeLessThanOrEqual(i + 1);
          expect(integrity.through).toBeGreaterThanOrEqual(i + 1);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('removed with a gap, removed with the rest renumbered, doubled, exchanged', () => {
    const renumbered = (entries: readonly TrailEntry[]) =>
      entries.map(({ envelope, payload }, i) => ({ envelope: { ...envelope, position: i + 1 }, payload }));
    fc.assert(
      fc.property(fc.nat(SIZE - 1), fc.nat(SIZE - 1), fc.boolean(), (i, j, sealed) => {
        const gone = whole.toSpliced(i, 1);
        const last = i === SIZE - 1;
        const named = sealed || last ? { position: i + 1 } : {};
        expect(verdictOf(gone, { sealed }).integrity).toMatchObject({
          kind: 'tampered',
          position: i + 1,
          code: last ? 'truncated' : 'removed',
        });
        expect(verdictOf(renumbered(gone), { sealed }).integrity).toMatchObject({
          kind: 'tampered',
          ...named,
        });
        const doubled = whole.toSpliced(i, 0, whole[j] ?? ({} as TrailEntry));
        // The last one, doubled, is an entry appended after the last checkpoint: nothing speaks about it yet.
        if (!(last && i === j))
          expect(verdictOf(renumbered(doubled), { sealed }).integrity).toMatchObject({ kind: 'tampered' });
        if (i === j) return;
        const exchanged = renumbered(
          whole.with(i, whole[j] ?? ({} as TrailEntry)).with(j, whole[i] ?? ({} as TrailEntry)),
        );
        expect(verdictOf(exchanged, { sealed }).integrity).toMatchObject({
          kind: 'tampered',
          ...(sealed ? { position: Math.min(i, j) + 1 } : {}),
        });
      }),
      { numRuns: 200 },
    );
  });

  test('cut off anywhere: at the head when a checkpoint is stored, by the one that was kept when none is', () => {
    fc.assert(
      fc.property(fc.nat(SIZE - 1), (head) => {
        const cut = whole.slice(0, head);
        expect(verdictOf(cut).integrity).toMatchObject({
          kind: 'tampered',
          position: head + 1,
          code: 'truncated',
        });
        const stored = CHECKPOINTS.filter((size) => size <= head);
        expect(verdictOf(cut, { checkpoints: stored }).integrity).toEqual({ kind: 'ok' });
        const kept = [ledger.checkpoint(SIZE)];
        expect(verdictOf(cut, { checkpoints: stored, earlier: kept }).integrity).toMatchObject({
          kind: 'tampered',
          position: head + 1,
          code: 'rolled-back',
        });
      }),
      { numRuns: 60 },
    );
  });

  test('rewritten from anywhere on and signed again: between two of the checkpoints that were kept', () => {
    fc.assert(
      fc.property(fc.nat(SIZE - 1), (i) => {
        const other = new Ledger(ledger.origin, ledger.signer);
        for (const [n, { envelope, bytes }] of ledger.entries.entries())
          other.append(
            envelope.stream,
            envelope.type,
            n === i ? { rewritten: true } : JSON.parse(Buffer.from(bytes).toString()),
          );
        const theirs = other.entries.map(({ envelope, salt, bytes }) => ({
          envelope,
          payload: { salt, bytes, words: null },
        }));
        const entries = [...whole.slice(0, i), ...theirs.slice(i)]; // salts are new: only what was rewritten may differ before
        const verifier = new TrailVerifier({
          keys: [ledger.signer],
          earlier: CHECKPOINTS.map((size) => ledger.checkpoint(size)),
        });
        for (const entry of entries) verifier.entry(entry);
        const after = CHECKPOINTS.find((size) => size > i) ?? 0;
        const before = CHECKPOINTS.findLast((size) => size <= i) ?? 0;
        expect(verifier.finish().integrity).toMatchObject({
          kind: 'tampered',
          position: before + 1,
          through: after,
          code: 'fork',
        });
      }),
      { numRuns: 40 },
    );
  });
});

describe('free text that is gone', () => {
  const read = (long: Ledger, entries: readonly TrailEntry[]) => {
    const verifier = new TrailVerifier({ keys: [long.signer] });
    verifier.checkpoint(long.entries.length, long.checkpoint());
    for (const entry of entries) verifier.entry(entry);
    return verifier.finish();
  };
  const erased = ({ envelope, ...payload }: Ledger['entries'][number]): TrailEntry => ({
    envelope,
    payload: { ...payload, words: null },
  });

  const kept = ({ envelope, ...payload }: Ledger['entries'][number]): TrailEntry => ({ envelope, payload });

  test('is redacted where a later entry says so, however many; only the first hundred positions are kept', () => {
    const long = new Ledger();
    for (let i = 0; i < 150; i++) long.append('factory', 'factory.halted', {}, 'a name');
    for (let i = 1; i <= 150; i++) long.append('factory', 'trail.redacted', { position: i }, 'a name');
    const { integrity, redacted } = read(
      long,
      long.entries.map((one, i) => (i < 150 ? erased(one) : kept(one))),
    );
    expect(integrity).toEqual({ kind: 'ok' });
    expect(redacted.count).toBe(150);
    expect(redacted.first).toHaveLength(100);
  });
  test.each([
    ['nobody says so', [{ stream: 'factory', type: 'factory.halted', data: {} }]],
    ['another entry is said', [{ stream: 'factory', type: 'trail.redacted', data: { position: 2 } }]],
    ['no whole number is said', [{ stream: 'factory', type: 'trail.redacted', data: { position: '1' } }]],
    ['another type says so', [{ stream: 'factory', type: 'factory.halted', data: { position: 1 } }]],
    ['another stream says so', [{ stream: 'repo/shop', type: 'trail.redacted', data: { position: 1 } }]],
  ])('is missing where %s', (_, after) => {
    const log = new Ledger();
    log.append('factory', 'factory.halted', {}, 'a name');
    log.append('factory', 'factory.halted', {});
    for (const { stream, type, data } of after) log.append(stream, type, data);
    const verdict = read(log, log.entries.map(erased));
    expect(verdict.integrity).toMatchObject({ kind: 'tampered', position: 1, code: 'missing' });
    expect(verdict.redacted.count).toBe(0);
  });

  test('no payload at all is missing, whatever an entry says', () => {
    const log = new Ledger();
    log.append('factory', 'factory.halted', {}, 'a name');
    log.append('factory', 'trail.redacted', { position: 1 });
    const [first, second] = log.entries.map(kept);
    if (first === undefined || second === undefined) throw new Error('too short');
    const verdict = read(log, [{ ...first, payload: null }, second]);
    expect(verdict.integrity).toMatchObject({ kind: 'tampered', position: 1, code: 'missing' });
  });
});
