import { describe, expect, test } from 'vitest';
import { Buffer } from '#platform';
import {
  checkCosignature,
  checkpointText,
  cosign,
  openCheckpoint,
  parseCheckpointText,
} from './checkpoint.ts';
import { generateKey, parseSignerKey, parseVerifierKey, type VerifierKey } from './keys.ts';
import { formatNote, parseNote, signText } from './note.ts';

const keyOf = (text: string): VerifierKey => {
  const key = parseVerifierKey(text);
  if (key === null) throw new Error(`not a key: ${text}`);
  return key;
};
const noteOf = (text: string) => {
  const parsed = parseNote(text);
  if (parsed.kind !== 'note') throw new Error(parsed.reason);
  return parsed.note;
};
/** Whether the note's signature by this key holds. */
const holds = (text: string, key: VerifierKey) => {
  const note = noteOf(text);
  const signature = note.signatures.find((one) => one.name === key.name && one.id === key.id);
  return signature !== undefined && key.verify(Buffer.from(note.text), signature.bytes);
};

// Published examples: c2sp.org/signed-note; golang.org/x/mod/sumdb/note; c2sp.org/tlog-checkpoint; the Go checksum database.
const C2SP_KEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const C2SP_NOTE =
  'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';
const PETER_SECRET = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const ENOCH = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop';
const TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const BOTH = `${TEXT}
— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=
`;
const SUMDB = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8';
const SUMDB_NOTE =
  'go.sum database tree\n6476701\nmb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=\n\n— sum.golang.org Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=\n';
const SOFA =
  'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n';

describe('signed notes: published vectors', () => {
  test('the example of the specification, and no other text under it', () => {
    expect(holds(C2SP_NOTE, keyOf(C2SP_KEY))).toBe(true);
    expect(holds(C2SP_NOTE.replace('example message', 'example Message'), keyOf(C2SP_KEY))).toBe(false);
  });

  test("a signer key makes Go's very signature; two signatures; a text with blank lines", () => {
    const signer = parseSignerKey(PETER_SECRET);
    if (signer === null) throw new Error('not a signer');
    expect(signer.vkey).toBe(PETER);
    const note = noteOf(BOTH);
    expect(note.text).toBe(TEXT);
    expect(formatNote(note)).toBe(BOTH);
    expect(formatNote({ text: TEXT, signatures: [signText(TEXT, signer)] })).toBe(
      `${BOTH.split('\n').slice(0, 4).join('\n')}\n`,
    );
    expect(holds(BOTH, keyOf(PETER))).toBe(true);
    expect(holds(BOTH, keyOf(ENOCH))).toBe(true);
    const blank = formatNote({ text: 'a\n\nb\n', signatures: [signText('a\n\nb\n', signer)] });
    expect(noteOf(blank).text).toBe('a\n\nb\n');
    expect(holds(blank, signer)).toBe(true);
  });

  test('a checkpoint of the Go checksum database is a checkpoint', () => {
    expect(holds(SUMDB_NOTE, keyOf(SUMDB))).toBe(true);
    expect(parseCheckpointText(noteOf(SUMDB_NOTE).text)).toMatchObject({
      origin: 'go.sum database tree',
      size: 6476701,
    });
  });

  test('every mangling of a key is no key', () => {
    expect(parseSignerKey(PETER)).toBeNull();
    for (const [text, parse] of [
      [PETER, parseVerifierKey],
      [PETER_SECRET, parseSignerKey],
    ] as const) {
      for (let i = 0; i < text.length; i++) {
        expect(parse(text.slice(0, i))).toBeNull();
        expect(parse(text.slice(i + 1))).toBeNull();
        const next = String.fromCharCode(text.charCodeAt(i) + 1);
        expect(parse(text.slice(0, i) + next + text.slice(i + 1))).toBeNull();
      }
    }
    // A wrong length and an unknown algorithm, each with the id that would fit.
    expect(
      parseVerifierKey('PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=='),
    ).toBeNull();
    expect(parseVerifierKey('PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW')).toBeNull();
    expect(
      parseVerifierKey('remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2')?.kind,
    ).toBe('cosignature');
  });

  test('what is not a note', () => {
    for (const bad of [
      '',
      'abc',
      'abc\n',
      TEXT,
      `${TEXT}\n`,
      BOTH.slice(0, -1),
      BOTH.slice(0, -9),
      BOTH.replace('—', '-'),
      BOTH.replace('— Peter', '—  Peter'),
      BOTH.replace('x08g', 'x08*'),
      BOTH.replace('yyBwJnAM=', 'yyBwJnAN='), // the same bytes in loose base64
      BOTH.replace('think', 'th\u0000ink'),
      BOTH.replace('think', 'th\ud800ink'),
      BOTH.replace('think', 'th\rink'),
      `${BOTH}extra\n`,
      `${TEXT}\n${'— a AAAAAAA=\n'.repeat(65)}`,
      'x'.repeat(300_000),
    ])
      expect(parseNote(bad).kind, JSON.stringify(bad.slice(-40))).toBe('malformed');
  });
});

describe('checkpoints and cosignatures', () => {
  const log = generateKey('log.example/1', 'note').signer;
  const witness = generateKey('witness.example/w', 'cosignature').signer;
  const root = Buffer.alloc(32, 7);
  const text = checkpointText({ origin: 'log.example/1', size: 9, root, extensions: [] });
  const note = formatNote({ text, signatures: [signText(text, log), cosign(text, witness, 1_679_315_147)] });

  test("the specification's example parses; its parts are where it says", () => {
    const { text: body, signatures } = noteOf(SOFA);
    const checkpoint = parseCheckpointText(body);
    expect(checkpoint).toMatchObject({
      origin: 'example.com/behind-the-sofa',
      size: 20852163,
      extensions: [],
    });
    expect(checkpoint && checkpointText(checkpoint)).toBe(body);
    expect(signatures.map((one) => [one.name, one.id, one.bytes.length])).toEqual([
      ['example.com/behind-the-sofa', '033de0ae', 64],
      ['witness.example.com/w1', '8d66cf3f', 72],
    ]);
    // The time inside the cosignature is the one that the specification writes out.
    expect(Buffer.from(signatures[1]?.bytes ?? []).readBigUInt64BE()).toBe(1679315147n);
    expect(text).toBe('log.example/1\n9\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n');
  });

  test('a cosignature signs the lines that the specification says', () => {
    const signature = cosign(text, witness, 1_679_315_147);
    const message = Buffer.from(`cosignature/v1\ntime 1679315147\n${text}`);
    expect(witness.verify(message, signature.bytes.subarray(8))).toBe(true);
    expect(checkCosignature(text, signature, witness)).toBe(1_679_315_147);
    const later = Buffer.from(signature.bytes);
    later[7] = 12;
    expect(checkCosignature(text, { ...signature, bytes: later }, witness)).toBeNull();
    expect(checkCosignature(text, { ...signature, bytes: later.subarray(1) }, witness)).toBeNull();
  });

  test('opened: by the log, cosigned by the witness; strangers are ignored', () => {
    const opened = openCheckpoint(note, [log, witness]);
    expect(opened).toMatchObject({
      kind: 'opened',
      checkpoint: { size: 9 },
      cosignedBy: [{ at: 1_679_315_147 }],
    });
    expect(openCheckpoint(note, [log])).toMatchObject({ kind: 'opened', cosignedBy: [] });
    expect(openCheckpoint(note, [keyOf(C2SP_KEY)]).kind).toBe('unknown-key');
    expect(openCheckpoint(note, [witness]).kind).toBe('unknown-key'); // a witness is not the log
    expect(openCheckpoint(note, []).kind).toBe('unknown-key');
    const namesake = generateKey('log.example/1', 'note').signer;
    expect(openCheckpoint(note, [namesake]).kind).toBe('unknown-key');
  });

  test('a key of another name cannot vouch for an origin', () => {
    const other = generateKey('other.example/1', 'note').signer;
    expect(openCheckpoint(formatNote({ text, signatures: [signText(text, other)] }), [other]).kind).toBe(
      'unknown-key',
    );
  });

  test('any change of any character is found', () => {
    for (let i = 0; i < note.length; i++) {
      const changed = note.slice(0, i) + String.fromCharCode(note.charCodeAt(i) ^ 1) + note.slice(i + 1);
      const opened = openCheckpoint(changed, [log, witness]);
      // Changing a witness's name or id only makes it a stranger's.
      const intact = opened.kind === 'opened' && opened.cosignedBy.length === 1;
      expect(intact, `character ${i}`).toBe(false);
      if (i < note.indexOf('— witness')) expect(opened.kind, `character ${i}`).not.toBe('opened');
    }
  });

  test('what is not a checkpoint', () => {
    const good = text.split('\n');
    for (const bad of [
      good.with(0, ''),
      good.with(1, '09'),
      good.with(1, '-9'),
      good.with(1, '9.0'),
      good.with(1, '9007199254740993'),
      good.with(2, 'BwcH'),
      good.with(2, ''),
      good.slice(0, 2),
      [...good, ''],
    ])
      expect(parseCheckpointText(bad.join('\n')), JSON.stringify(bad)).toBeNull();
    expect(parseCheckpointText(text.slice(0, -1))).toBeNull();
    expect(parseCheckpointText(`${text}an extension\n`)?.extensions).toEqual(['an extension']);
  });
});
