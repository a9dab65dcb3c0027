import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Buffer } from '#platform';
import { type Bundle, generateKey, MAX_BUNDLE_BYTES, rotation, toBase64, verifyBundle } from '../index.ts';
import { Ledger } from '../testing/ledger.ts';

const RUN = 'run_0000000000000001';
const witness = generateKey('witness.example/w', 'cosignature').signer;

/** A run of three streams among others' entries; closed, unless told otherwise. */
function ledgerWithRun(options: { closed?: boolean } = {}): Ledger {
  const ledger = new Ledger();
  ledger.append('factory', 'factory.started', { version: '1' });
  ledger.append(`run/${RUN}`, 'run.opened', { run: RUN });
  for (const attempt of ['attempt/att_00000001', 'attempt/att_00000002']) {
    ledger.append(attempt, 'attempt.opened', { attempt });
    ledger.append('ticket/tkt_00000001', 'ticket.filed', { text: 'ü€😀' });
    ledger.append(attempt, 'attempt.closed', { outcome: 'done' });
  }
  const streams = { [`run/${RUN}`]: 2, 'attempt/att_00000001': 2, 'attempt/att_00000002': 2 };
  if (options.closed !== false) ledger.append(`run/${RUN}`, 'run.closed', { end: 'done', streams });
  for (let i = 0; i < 20; i++) ledger.append('factory', 'factory.halted', { reason: `later ${i}` });
  return ledger;
}
const attempts = (version: number) => ({
  'attempt/att_00000001': version,
  'attempt/att_00000002': version,
});
const ofRun = ({ stream }: { stream: string }) => /^(run|attempt)\//.test(stream);

const ledger = ledgerWithRun();
const vkeys = [ledger.signer.vkey, witness.vkey];
const good: Bundle = ledger.bundle(RUN, ofRun, ledger.checkpoint(undefined, { witness }));
const verify = (bundle: unknown, keys: readonly string[] = vkeys) =>
  verifyBundle(JSON.stringify(bundle), keys);
const edited = (edit: (bundle: Bundle) => void): Bundle => {
  const copy = structuredClone(good);
  edit(copy);
  return copy;
};
const entryAt = (bundle: Bundle, i: number) => {
  const entry = bundle.entries[i];
  if (entry === undefined) throw new Error(`no entry ${i}`);
  return entry;
};

describe('verdicts', () => {
  test('whole and complete, with who signed and who witnessed', () => {
    expect(verify(good)).toEqual({
      integrity: { kind: 'ok' },
      completeness: { kind: 'complete' },
      run: RUN,
      entries: 6,
      redacted: [],
      checkpoint: { origin: 'factory.example/trail', size: 29 },
      signedBy: [ledger.signer.vkey],
      cosignedBy: [{ name: 'witness.example/w', at: 1_700_000_100 }],
    });
    expect(verifyBundle(new TextEncoder().encode(JSON.stringify(good, null, 2)), vkeys).integrity.kind).toBe(
      'ok',
    );
  });

  test('an open run says open', () => {
    const open = ledgerWithRun({ closed: false });
    const verdict = verify(open.bundle(RUN, ofRun), [open.signer.vkey]);
    expect(verdict).toMatchObject({ integrity: { kind: 'ok' }, completeness: { kind: 'open' } });
  });

  describe('a run that was closed, and let go on', () => {
    const log = ledgerWithRun();
    const own = `run/${RUN}`;
    log.append(own, 'run.resumed', {});
    log.append('attempt/att_00000003', 'attempt.opened', {});
    log.append('attempt/att_00000003', 'attempt.closed', {});
    const judged = (wanted: Parameters<Ledger['bundle']>[1]) =>
      verify(log.bundle(RUN, wanted), [log.signer.vkey]);

    test('is open until it is closed again, and then complete only with all of its last closing entry', () => {
      expect(judged(ofRun)).toMatchObject({ integrity: { kind: 'ok' }, completeness: { kind: 'open' } });
      const streams = { [own]: 4, ...attempts(2), 'attempt/att_00000003': 2 };
      const { position: end } = log.append(own, 'run.closed', { end: 'done', streams });
      expect(judged(ofRun).completeness).toEqual({ kind: 'complete' });
      expect(judged((one) => ofRun(one) && one.position !== end).completeness).toEqual({ kind: 'open' });
      expect(judged((one) => ofRun(one) && one.stream !== 'attempt/att_00000001').completeness).toMatchObject(
        {
          ...{ kind: 'incomplete', stream: 'attempt/att_00000001', version: 1 },
        },
      );
      expect(judged((one) => ofRun(one) && one.stream !== 'attempt/att_00000003').completeness).toMatchObject(
        {
          ...{ kind: 'incomplete', stream: 'attempt/att_00000003', version: 1 },
        },
      );
    });

    test('cut back to its earlier closing entry, an attempt of later shows it', () => {
      const cut = judged((one) => ofRun(one) && (one.stream !== own || one.version <= 2));
      expect(cut.completeness).toMatchObject({ kind: 'incomplete', stream: own, version: 3 });
    });
  });

  describe('free text that is gone', () => {
    const log = ledgerWithRun();
    const { position } = log.append(`run/${RUN}`, 'run.stop-asked', { end: 'failed' }, 'a name');
    log.append('factory', 'trail.redacted', { position });
    const record = log.entries.length;
    const without = (redactions?: Bundle['redactions']): Bundle => {
      const bundle = structuredClone(log.bundle(null, (one) => one.position === position));
      for (const { payload } of bundle.entries) if (payload) payload.words = null;
      return redactions === undefined ? bundle : { ...bundle, redactions };
    };

    test('is redacted where the bundle proves the entry that says so', () => {
      const verdict = verify(without([log.item(record)]), [log.signer.vkey]);
      expect(verdict).toMatchObject({ integrity: { kind: 'ok' }, redacted: [position] });
    });

    test.each([
      ['it does not', undefined],
      ['it says nothing', []],
      ['what it has is another entry', [log.item(position)]],
    ])('is missing where %s', (_, redactions) => {
      const verdict = verify(without(redactions), [log.signer.vkey]);
      expect(verdict.integrity).toMatchObject({ kind: 'tampered', position, code: 'missing' });
    });

    test('a record that is not proved is refused', () => {
      const forged = { ...log.item(record), proof: log.item(position).proof };
      expect(verify(without([forged]), [log.signer.vkey]).integrity).toMatchObject({ code: 'not-in-tree' });
    });
  });

  test('a payload that is gone is missing', () => {
    const verdict = verify(edited((b) => (entryAt(b, 1).payload = null)));
    expect(verdict.integrity).toMatchObject({ kind: 'tampered', position: 3, code: 'missing' });
  });

  test.each([
    [
      'a stream is cut short',
      (b: Bundle) => b.entries.splice(4, 1),
      { stream: 'attempt/att_00000002', version: 2, after: 6 },
    ],
    [
      'a whole stream is left out',
      (b: Bundle) => b.entries.splice(3, 2),
      { stream: 'attempt/att_00000002', version: 1, after: 0 },
    ],
    [
      'a middle entry is left out',
      (b: Bundle) => b.entries.splice(1, 1),
      { stream: 'attempt/att_00000001', version: 1, after: 0 },
    ],
    [
      "the run's own stream is left out",
      (b: Bundle) => b.entries.splice(5, 1) && b.entries.splice(0, 1),
      { stream: `run/${RUN}`, version: 1 },
    ],
    [
      'it is called another run',
      (b: Bundle) => (b.run = 'run_0000000000000002'),
      { stream: 'run/run_0000000000000002' },
    ],
  ])('incomplete, though nothing was changed: %s', (_, edit, where) => {
    expect(verify(edited((b) => void edit(b)))).toMatchObject({
      integrity: { kind: 'ok' },
      completeness: { kind: 'incomplete', ...where },
    });
  });

  test.each([
    [
      'its actor',
      (b: Bundle) => Object.assign(entryAt(b, 2).envelope, { actor: 'migrator' }),
      5,
      'not-in-tree',
    ],
    ['its time', (b: Bundle) => Object.assign(entryAt(b, 2).envelope, { at: 5 }), 5, 'not-in-tree'],
    ['its payload', (b: Bundle) => Object.assign(entryAt(b, 2).payload ?? {}, { text: '{}' }), 5, 'payload'],
    [
      'its salt',
      (b: Bundle) => Object.assign(entryAt(b, 2).payload ?? {}, { salt: toBase64(Buffer.alloc(16)) }),
      5,
      'payload',
    ],
    ["another entry's payload", (b: Bundle) => (entryAt(b, 2).payload = entryAt(b, 1).payload), 5, 'payload'],
    ['its proof', (b: Bundle) => entryAt(b, 2).proof.reverse(), 5, 'not-in-tree'],
    ['the order', (b: Bundle) => b.entries.push(...b.entries.splice(2, 1)), 5, 'reordered'],
    ['a doubled entry', (b: Bundle) => b.entries.splice(2, 0, entryAt(b, 2)), 5, 'reordered'],
  ])('tampered, with the first position: %s', (_, edit, position, code) => {
    expect(verify(edited((b) => void edit(b))).integrity).toMatchObject({ kind: 'tampered', position, code });
  });

  test('a checkpoint that another key, another log or nobody signed is not trusted', () => {
    const stranger = generateKey(ledger.origin, 'note').signer;
    const resigned = edited((b) => (b.checkpoint = ledger.checkpoint(undefined, { by: stranger })));
    expect(verify(resigned).integrity).toMatchObject({ kind: 'untrusted', code: 'unknown-key' });
    expect(verify(good, [stranger.vkey]).integrity).toMatchObject({ kind: 'untrusted', code: 'unknown-key' });
    expect(verify(good, []).integrity).toMatchObject({ kind: 'untrusted', code: 'unknown-key' });
    expect(verify(good, ['nonsense']).integrity).toMatchObject({ kind: 'untrusted', code: 'bad-key' });
    const forged = edited((b) => (b.checkpoint = b.checkpoint.replace('\n29\n', '\n28\n')));
    expect(verify(forged).integrity).toMatchObject({ kind: 'untrusted', code: 'bad-signature' });
    const elsewhere = new Ledger('elsewhere.example/trail', ledger.signer);
    for (const { envelope } of ledger.entries) elsewhere.append(envelope.stream, envelope.type, {});
    expect(verify({ ...elsewhere.bundle(RUN, ofRun), keys: {} }).integrity).toMatchObject({
      kind: 'untrusted',
      code: 'unknown-key',
    });
  });

  test('a tree rewritten by the holder of the key is not the earlier one: its own bundle holds, the old entries do not', () => {
    const rewritten = new Ledger(ledger.origin, ledger.signer);
    for (const { envelope } of ledger.entries)
      rewritten.append(envelope.stream, envelope.type, { rewritten: true });
    const mixed = edited((b) => (b.checkpoint = rewritten.checkpoint()));
    expect(verify(mixed).integrity).toMatchObject({ kind: 'tampered', position: 2, code: 'not-in-tree' });
  });
});

describe('rotation', () => {
  const first = generateKey(ledger.origin, 'note').signer;
  const second = generateKey(ledger.origin, 'note').signer;
  const third = generateKey(ledger.origin, 'note').signer;
  const rotated = new Ledger(ledger.origin, third);
  rotated.append('factory', 'factory.key-rotated', rotation(first, second));
  rotated.append(`run/${RUN}`, 'run.opened', {});
  rotated.append('factory', 'factory.key-rotated', rotation(second, third));
  const bundle = rotated.bundle(RUN, ofRun);

  test('whoever trusts the first key can check what the third has signed', () => {
    expect(verify(bundle, [first.vkey]).integrity).toEqual({ kind: 'ok' });
    expect(verify(bundle, [second.vkey]).integrity).toEqual({ kind: 'ok' });
    expect(verify(bundle, [third.vkey]).integrity).toEqual({ kind: 'ok' });
  });

  test('not by a handing over that only the new key signed, nor backwards, nor one that is not on the trail', () => {
    const usurper = new Ledger(ledger.origin, generateKey(ledger.origin, 'note').signer);
    const forged = { ...rotation(usurper.signer, usurper.signer), previous: first.vkey };
    usurper.append('factory', 'factory.key-rotated', forged);
    usurper.append(`run/${RUN}`, 'run.opened', {});
    expect(verify(usurper.bundle(RUN, ofRun), [first.vkey]).integrity.kind).toBe('untrusted');
    const old = new Ledger(ledger.origin, first);
    old.append('factory', 'factory.key-rotated', rotation(first, second));
    expect(
      verify(
        old.bundle(null, () => true),
        [second.vkey],
      ).integrity.kind,
    ).toBe('untrusted');
    const off = structuredClone(bundle);
    off.rotations = rotated.bundle(RUN, ofRun).rotations.map((one) => ({ ...one, proof: [] }));
    expect(verify(off, [first.vkey]).integrity.kind).toBe('tampered');
  });
});

describe('bad input', () => {
  const text = JSON.stringify(good);
  test.each([
    ['nothing', '', 'not-json'],
    ['cut', text.slice(0, -100), 'not-json'],
    ['cut early', text.slice(0, 5), 'not-json'],
    ['another kind of file', '\u007fELF\u0002\u0001', 'not-json'],
    ['nested without end', '['.repeat(1_000_000), 'not-json'],
    ['other JSON', '{"entries":[]}', 'other-format'],
    ['null', 'null', 'other-format'],
    ['a list', '[]', 'other-format'],
    ['a later version', JSON.stringify({ ...good, v: 2 }), 'other-version'],
    ['a field more', JSON.stringify({ ...good, note: 'hello' }), 'malformed'],
    ['a field less', JSON.stringify({ ...good, rotations: undefined }), 'malformed'],
    ['a checkpoint that is none', JSON.stringify({ ...good, checkpoint: 'hello' }), 'malformed'],
    ['keys that are none', JSON.stringify({ ...good, keys: { a: ['b'] } }), 'malformed'],
    ['entries that are none', JSON.stringify({ ...good, entries: [null] }), 'malformed'],
    [
      'an endless proof',
      JSON.stringify(edited((b) => (entryAt(b, 0).proof = Array(10_000).fill(toBase64(Buffer.alloc(32)))))),
      'malformed',
    ],
    [
      'an entry with more in it',
      JSON.stringify(edited((b) => Object.assign(entryAt(b, 0).envelope, { x: 1 }))),
      'malformed',
    ],
    [
      'a position that is none',
      JSON.stringify(edited((b) => Object.assign(entryAt(b, 0).envelope, { position: 1e300 }))),
      'malformed',
    ],
  ])('%s', (_, source, code) => {
    expect(verifyBundle(source, vkeys).integrity).toMatchObject({ kind: 'unreadable', code });
  });

  test('too large is refused before it is read', () => {
    const huge = new Uint8Array(MAX_BUNDLE_BYTES + 1);
    expect(verifyBundle(huge, vkeys).integrity).toMatchObject({ kind: 'unreadable', code: 'too-large' });
  });

  test('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array()), (source) => {
        expect(verifyBundle(source, vkeys).integrity.kind).not.toBe('ok');
      }),
    );
  });
});

/** Every place of a JSON value, as a path of keys. */
function paths(value: unknown, at: (string | number)[] = []): (string | number)[][] {
  if (value === null || typeof value !== 'object') return [at];
  return [at, ...Object.entries(value).flatMap(([key, inner]) => paths(inner, [...at, key]))].filter(
    (one) => one.length > 0,
  );
}

/** Another value in that place: a number one off, a string with one bit of one character turned, a list or object with one less. */
function mutate(value: unknown, path: readonly (string | number)[], seed: number): void {
  const holder = path
    .slice(0, -1)
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value) as Record<
    string,
    unknown
  >;
  const key = path.at(-1) ?? '';
  const old = holder[key];
  if (typeof old === 'number') holder[key] = old + (seed % 2 === 0 ? 1 : -1);
  else if (typeof old === 'string') {
    const i = seed % Math.max(1, old.length);
    const turned = String.fromCharCode((old.charCodeAt(i) || 64) ^ (1 << (seed % 7)));
    holder[key] = old.slice(0, i) + turned + old.slice(i + 1);
  } else if (Array.isArray(old)) old.splice(seed % Math.max(1, old.length), 1);
  else if (old !== null && typeof old === 'object') {
    const keys = Object.keys(old);
    Reflect.deleteProperty(old, keys[seed % keys.length] ?? '');
  } else holder[key] = 'something';
}

test('any mutation of any part of a bundle shows in its verdict', () => {
  // `keys` is for reading only: a verifier brings its own. An empty list has nothing to take away.
  const places = paths(good).filter(([first]) => first !== 'keys' && first !== 'rotations');
  const before = JSON.stringify(verify(good));
  fc.assert(
    fc.property(fc.nat(places.length - 1), fc.nat(), (place, seed) => {
      const path = places[place] ?? [];
      const changed = structuredClone(good);
      mutate(changed, path, seed);
      const after = verify(changed);
      expect(JSON.stringify(after), path.join('.')).not.toBe(before);
      const [first, , part] = path;
      if (first === 'entries' && (part === 'envelope' || part === 'payload' || part === 'proof'))
        expect(after.integrity.kind, path.join('.')).toMatch(/tampered|unreadable/);
    }),
    { numRuns: 2_000 },
  );
});

describe('the part of its target that a run shares with others', () => {
  const TARGET = 'target/shop';
  const log = new Ledger();
  log.append(`run/${RUN}`, 'run.opened', { run: RUN });
  for (const release of ['before', 'mine', 'frozen meanwhile', 'mine', 'after'])
    log.append(TARGET, 'target.judged', { release });
  const slices = { [TARGET]: { from: 2, to: 4 } };
  log.append(`run/${RUN}`, 'run.closed', { end: 'done', streams: { [`run/${RUN}`]: 2 }, slices });
  const whole = log.bundle(
    RUN,
    ({ stream, version }) => stream.startsWith('run/') || (stream === TARGET && version >= 2 && version <= 4),
  );
  const without = (...versions: number[]) => ({
    ...whole,
    entries: whole.entries.filter(
      ({ envelope }) => envelope.stream !== TARGET || !versions.includes(envelope.version),
    ),
  });
  const of = (bundle: unknown) => verify(bundle, [log.signer.vkey]).completeness;

  test('is complete from its first entry to its last', () => {
    expect(of(whole)).toEqual({ kind: 'complete' });
  });

  test.each([
    ['its beginning', [2], { version: 2 }],
    ['its middle', [3], { version: 3 }],
    ['its end', [4], { version: 4 }],
    ['all of it', [2, 3, 4], { version: 2 }],
  ])('without %s is incomplete, and says so', (_what, versions, missing) => {
    expect(of(without(...versions))).toMatchObject({ kind: 'incomplete', stream: TARGET, ...missing });
  });
});
