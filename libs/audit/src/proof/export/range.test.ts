import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Buffer } from '#platform';
import { canonicalBytes } from '../log/entry.ts';
import { generateKey } from '../log/keys.ts';
import { rotation } from '../log/rotation.ts';
import { Ledger } from '../testing/ledger.ts';
import { RangeVerifier } from '../verify/verify-range.ts';
import { MAX_HEADER_BYTES, MAX_LINE_BYTES, type RangeHeader, rangeHeaderLine } from './range.ts';

const SIZE = 45;
const ledger = new Ledger();
for (let i = 1; i <= SIZE; i++) {
  const said = i % 5 === 0 ? `words, "salt":"AAAAAAAAAAAAAAAAAAAAAA==","words":["${i} ü€𝄞` : undefined;
  ledger.append(`ticket/tkt_${i % 7}`, 'factory.halted', { reason: `entry ${i}\n€`, salt: 'x' }, said);
}
const vkeys = [ledger.signer.vkey];

const fileOf = ({ header, lines }: { header: RangeHeader; lines: readonly string[] }): Buffer =>
  Buffer.from(rangeHeaderLine(header) + lines.join(''));
const range = (since = 3, until = 41, options = {}) => ledger.range(since, until, options);

/** In one piece, and again in small ones: the verdict is the same. */
function verdictOf(file: Buffer, keys: readonly string[] | 'own' = vkeys, step = 7) {
  const [whole, parts] = [new RangeVerifier(keys), new RangeVerifier(keys)];
  whole.push(Buffer.from(file));
  for (let at = 0; at < file.length; at += step) parts.push(Buffer.from(file.subarray(at, at + step)));
  const verdict = whole.finish();
  expect(parts.finish()).toEqual(verdict);
  return verdict;
}

/** What is wrong lies in a block, which is four entries here, and at `position` or before it there. */
function expectBad(file: Buffer, position: number, code?: string) {
  const { integrity, completeness } = verdictOf(file);
  if (integrity.kind !== 'tampered') throw new Error(`expected tampering: ${JSON.stringify(integrity)}`);
  expect(integrity.position).toBeLessThanOrEqual(position);
  expect(integrity.through).toBeGreaterThanOrEqual(position);
  expect(integrity.through - integrity.position).toBeLessThan(4);
  if (code !== undefined) expect(integrity.code).toBe(code);
  expect(completeness.kind).toBe('unknown');
}

describe('untouched', () => {
  test('any range of any tree is ok, in blocks of any size', () => {
    fc.assert(
      fc.property(fc.nat(SIZE), fc.nat(SIZE), fc.nat(SIZE), fc.nat(5), (a, b, c, level) => {
        const [since = 0, until = 0, size = 0] = [a, b, c].sort((x, y) => x - y);
        if (since === until) return;
        expect(verdictOf(fileOf(range(since, until, { size, level })))).toMatchObject({
          integrity: { kind: 'ok' },
          completeness: { kind: 'complete' },
          since,
          until,
          entries: until - since,
          checkpoint: { origin: ledger.origin, size },
          signedBy: vkeys,
        });
      }),
      { numRuns: 200 },
    );
  });

  test('every line of an entry is canonical JSON, and holds what the entry says', () => {
    const { lines } = range(0, SIZE);
    for (const [i, line] of lines.entries()) {
      const value = JSON.parse(line);
      expect(`${Buffer.from(canonicalBytes(value)).toString()}\n`).toBe(line);
      expect(value.payload.reason).toBe(`entry ${i + 1}\n€`);
      expect(value.words?.length ?? 0).toBe((i + 1) % 5 === 0 ? 1 : 0);
    }
  });
});

describe('whatever is done to it is found', () => {
  test('a byte anywhere', () => {
    const file = fileOf(range());
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(file);
        changed[at] = ((changed[at] ?? 0) + by) % 256;
        expect(verdictOf(changed, vkeys, 4_096).integrity.kind).not.toBe('ok');
      }),
      { numRuns: 1_500 },
    );
  });

  test('cut anywhere: the first entry that is missing is named', () => {
    const { header, lines } = range();
    const file = fileOf({ header, lines });
    const start = Buffer.byteLength(rangeHeaderLine(header));
    for (let at = 0; at < file.length; at += 13) {
      const cut = file.subarray(0, at);
      if (at < start) expect(verdictOf(cut, vkeys, 64).integrity).toMatchObject({ code: 'not-json' });
      else expectBad(cut, 4 + cut.subarray(start).toString().split('\n').length - 1, 'truncated');
    }
  });

  test('lines omitted, doubled, exchanged, put in, renumbered', () => {
    const { header, lines } = range();
    const bad = (changed: readonly string[], position: number, code: string) =>
      expectBad(fileOf({ header, lines: changed }), position, code);
    fc.assert(
      fc.property(fc.nat(lines.length - 2), fc.nat(lines.length - 1), (i, j) => {
        const [line = '', other = ''] = [lines[i], lines[j]];
        bad(lines.toSpliced(i, 1), i + 4, 'removed');
        bad(lines.toSpliced(i + 1, 0, line), i + 5, 'reordered');
        const numbered = other.replace(/"position":\d+/, `"position":${i + 4}`);
        if (i !== j) {
          bad(lines.with(i, other).with(j, line), Math.min(i, j) + 4, 'removed');
          bad(lines.with(i, numbered), i + 4, 'changed');
        }
      }),
      { numRuns: 100 },
    );
  });

  test('another payload, exactly where it is; also where more is wrong behind it', () => {
    const { header, lines } = range();
    const swapped = (at: number) => lines[at - 4]?.replace(`entry ${at}`, `entry 0${at}`) ?? '';
    const one = lines.with(15, swapped(19));
    expect(verdictOf(fileOf({ header, lines: one })).integrity).toMatchObject({
      ...{ kind: 'tampered', position: 19, through: 19, code: 'payload' },
    });
    expectBad(fileOf({ header, lines: one.slice(0, 16) }), 19, 'payload');
    expectBad(
      fileOf({ header, lines: one.with(14, lines[14]?.replace('"at":1', '"at":2') ?? '') }),
      18,
      'changed',
    );
    const words = lines.with(6, lines[6]?.replace('words, ', 'Words, ') ?? '');
    expect(verdictOf(fileOf({ header, lines: words })).integrity).toMatchObject({
      position: 10,
      code: 'payload',
    });
    const none = lines.with(6, `${lines[6]?.split(',"payload":')[0]}}\n`);
    expect(verdictOf(fileOf({ header, lines: none })).integrity).toMatchObject({
      position: 10,
      code: 'missing',
    });
  });

  test('more behind the last line', () => {
    const { header, lines } = range();
    for (const more of ['x', '\n', '{}\n', lines[0] ?? '']) {
      const { integrity } = verdictOf(fileOf({ header, lines: [...lines, more] }));
      expect(integrity).toMatchObject({
        kind: 'unreadable',
        code: 'malformed',
        reason: expect.stringContaining('more'),
      });
    }
  });

  test('another trail under the same key, and hashes of another', () => {
    const other = new Ledger(ledger.origin, ledger.signer);
    for (let i = 1; i <= SIZE; i++) other.append('factory', 'factory.halted', { reason: `other ${i}` });
    const { header, lines } = range();
    const theirs = other.range(3, 41);
    expectBad(fileOf({ header, lines: theirs.lines }), 4, 'changed');
    const mixed = { ...header, checkpoint: theirs.header.checkpoint };
    expect(verdictOf(fileOf({ header: mixed, lines })).integrity).toMatchObject({
      code: 'not-in-tree',
      position: 4,
      through: 41,
    });
  });
});

describe('bad input is refused in words, bounded', () => {
  const refused = (file: Buffer, keys: readonly string[] | 'own' = vkeys) =>
    verdictOf(file, keys, 4_096).integrity;
  const { header, lines } = range();
  const with_ = (change: object) => fileOf({ header: { ...header, ...change } as RangeHeader, lines });

  test.each<[string, object, string]>([
    ['another format', { format: 'other' }, 'other-format'],
    ['another version', { v: 2 }, 'other-version'],
    ['one field more', { more: 1 }, 'malformed'],
    ['nothing in it', { until: header.since }, 'malformed'],
    ['turned round', { since: 41, until: 3 }, 'malformed'],
    ['a range without end', { until: 2 ** 53 - 1 }, 'malformed'],
    ['blocks without end', { level: 60 }, 'malformed'],
    ['a hash that is none', { nodes: header.nodes.with(0, 'AAAA') }, 'malformed'],
    ['a hash too few', { nodes: header.nodes.slice(1) }, 'not-in-tree'],
    ['more than the checkpoint has', { until: SIZE + 1 }, 'not-in-tree'],
    ['keys of another name', { keys: { other: vkeys } }, 'malformed'],
    ['a checkpoint that is none', { checkpoint: 'hello' }, 'malformed'],
    ['a rotation that is none', { rotations: [{ previous: '', next: '', note: '' }] }, 'malformed'],
  ])('%s', (_, change, code) => {
    expect(refused(with_(change))).toMatchObject({ code });
  });

  test('not JSON, nothing, an unknown key, a key that is none, a signature that does not hold', () => {
    expect(refused(Buffer.from('hello\n'))).toMatchObject({ code: 'not-json' });
    expect(refused(Buffer.alloc(0))).toMatchObject({ code: 'not-json' });
    expect(refused(fileOf(range()), [new Ledger().signer.vkey])).toMatchObject({
      kind: 'untrusted',
      code: 'unknown-key',
    });
    expect(refused(fileOf(range()), ['nonsense'])).toMatchObject({ kind: 'untrusted', code: 'bad-key' });
    expect(refused(fileOf(range()), 'own')).toEqual({ kind: 'ok' });
    const signed = header.checkpoint.replace(
      /(.)(.{10})\n$/,
      (_, one, end) => `${one === 'A' ? 'B' : 'A'}${end}\n`,
    );
    expect(refused(with_({ checkpoint: signed })).kind).toBe('untrusted');
  });

  test('lines without end: read up to their bound, and kept no further', () => {
    const chunk = Buffer.alloc(1_048_576, 'x');
    for (const [begun, most] of [
      ['', MAX_HEADER_BYTES],
      [rangeHeaderLine(header), MAX_LINE_BYTES],
    ] as const) {
      const verifier = new RangeVerifier(vkeys);
      verifier.push(Buffer.from(begun));
      let pushed = 0;
      for (; !verifier.done; pushed += chunk.length) verifier.push(chunk);
      expect(pushed).toBeLessThanOrEqual(most + 2 * chunk.length);
      expect(verifier.finish().integrity).toMatchObject({ kind: 'unreadable', code: 'too-large' });
    }
  });
});

test('an older key leads to the one that signed, by the handing over in the header', () => {
  const next = generateKey(ledger.origin, 'note').signer;
  const { header, lines } = range();
  const signed = { ...header, checkpoint: ledger.checkpoint(SIZE, { by: next }) };
  expect(verdictOf(fileOf({ header: signed, lines })).integrity).toMatchObject({ code: 'unknown-key' });
  const handed = { ...signed, rotations: [rotation(ledger.signer, next)] };
  expect(verdictOf(fileOf({ header: handed, lines })).integrity).toEqual({ kind: 'ok' });
});

test('free text that was redacted is redacted where an entry says so, in the range or after it; else it is missing', () => {
  const t = new Ledger();
  for (let i = 1; i <= 6; i++) t.append('factory', 'factory.halted', { at: i }, `words ${i}`);
  t.append('factory', 'trail.redacted', { position: 2 }, 'a name');
  for (let i = 0; i < 6; i++) t.append('factory', 'factory.halted', {});
  t.append('factory', 'trail.redacted', { position: 5 });
  t.append('factory', 'trail.redacted', { position: 7 });
  for (const position of [2, 5, 7])
    t.entries.splice(position - 1, 1, { ...(t.entries[position - 1] as (typeof t.entries)[0]), words: null });
  const judge = (until: number, later: number[]) =>
    verdictOf(fileOf(t.range(0, until, { later })), [t.signer.vkey]);
  expect(judge(15, [])).toMatchObject({
    integrity: { kind: 'ok' },
    redacted: { count: 3, first: [2, 5, 7] },
  });
  expect(judge(10, [14, 15])).toMatchObject({ integrity: { kind: 'ok' }, redacted: { count: 3 } });
  expect(judge(10, [15]).integrity).toMatchObject({ kind: 'tampered', position: 5, code: 'missing' });
  expect(judge(10, []).integrity).toMatchObject({ kind: 'tampered', position: 5, code: 'missing' });
  expect(judge(6, [7, 14]).integrity).toMatchObject({ kind: 'tampered', position: 7, code: 'missing' });
  expect(judge(6, [7, 14, 15])).toMatchObject({
    integrity: { kind: 'ok' },
    redacted: { count: 2, first: [2, 5] },
  });
});

test('completeness: of every run that begins and ends in it', () => {
  const t = new Ledger();
  const run = (id: string, streams: object | null) => {
    t.append(`run/${id}`, 'run.opened', {});
    t.append(`attempt/${id}`, 'attempt.opened', {});
    t.append(`attempt/${id}`, 'attempt.closed', {});
    if (streams !== null) t.append(`run/${id}`, 'run.closed', { streams });
  };
  run('a', { 'run/a': 2, 'attempt/a': 2 });
  run('b', null);
  const judge = (since = 0) => verdictOf(fileOf(t.range(since, t.entries.length)), [t.signer.vkey]);
  expect(judge()).toMatchObject({ completeness: { kind: 'open' }, runs: { closed: 1, open: 1, earlier: 0 } });
  expect(judge(1)).toMatchObject({
    completeness: { kind: 'open' },
    runs: { closed: 0, open: 1, earlier: 1 },
  });
  t.append('run/b', 'run.closed', { streams: { 'run/b': 2, 'attempt/b': 2 } });
  expect(judge()).toMatchObject({
    completeness: { kind: 'complete' },
    runs: { closed: 2, open: 0, earlier: 0 },
  });
  run('c', { 'run/c': 2, 'attempt/c': 3 });
  expect(judge()).toMatchObject({
    integrity: { kind: 'ok' },
    completeness: { kind: 'incomplete', stream: 'attempt/c', version: 3, after: 11 },
  });
});

test('completeness: a closed run that was let go on is open until its next closing entry', () => {
  const t = new Ledger();
  const judge = (since = 0) => verdictOf(fileOf(t.range(since, t.entries.length)), [t.signer.vkey]);
  const attempt = (id: string) => {
    t.append(`attempt/${id}`, 'attempt.opened', {});
    t.append(`attempt/${id}`, 'attempt.closed', {});
  };
  t.append('run/a', 'run.opened', {});
  attempt('one');
  t.append('run/a', 'run.closed', { streams: { 'run/a': 2, 'attempt/one': 2 } });
  expect(judge()).toMatchObject({ completeness: { kind: 'complete' }, runs: { closed: 1, open: 0 } });
  t.append('run/a', 'run.resumed', {});
  attempt('two');
  expect(judge()).toMatchObject({ completeness: { kind: 'open' }, runs: { closed: 0, open: 1 } });
  t.append('run/a', 'run.closed', { streams: { 'run/a': 4, 'attempt/one': 2, 'attempt/two': 2 } });
  expect(judge()).toMatchObject({ completeness: { kind: 'complete' }, runs: { closed: 1, open: 0 } });
  expect(judge(2)).toMatchObject({
    completeness: { kind: 'complete' },
    runs: { closed: 0, open: 0, earlier: 1 },
  });
  t.append('run/a', 'run.resumed', {});
  t.append('run/a', 'run.closed', { streams: { 'run/a': 6, 'attempt/one': 3, 'attempt/two': 2 } });
  expect(judge().completeness).toMatchObject({ kind: 'incomplete', stream: 'attempt/one', version: 3 });
});
