import { readFile, stat, writeFile } from 'node:fs/promises';
import type { Answered, AnswerOf } from '@millwright/api';
import {
  type BundleVerdict,
  MAX_BUNDLE_BYTES,
  parseNote,
  parseVerifierKey,
  readPayload,
  type TrailVerdict,
  TrailVerifier,
  type VerifierKey,
  verifyBundle,
} from '@millwright/audit/proof';
import { z } from 'zod';
import { type Context, show as showData } from '../context.ts';
import { usage } from '../fail.ts';
import { DOES_NOT_VERIFY, exitWith } from '../finish.ts';
import { parseWhole } from '../text/parse.ts';
import { attestationLines, bundleLines, OWN_KEYS, trailLines } from '../views/verdict.ts';
import { exportAttestations, verifiedAttestations } from './attestations.ts';
import { exportEvidence, verifyEvidenceFile } from './evidence.ts';
import { databaseVerdict } from './trail-database.ts';
import { exportRange, isRange, unreadable, verifyRangeFile } from './trail-range.ts';

type Options = Record<string, string | boolean | undefined>;

async function read(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    // One byte over is enough to be told that it is too large, without reading the rest.
    if (size > maxBytes) return Buffer.alloc(maxBytes + 1);
    return await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function keysOf(option: string | boolean | undefined): VerifierKey[] {
  return String(option ?? '')
    .split(/[\s,]+/)
    .filter((one) => one !== '')
    .map((vkey) => {
      const key = parseVerifierKey(vkey);
      if (key === null)
        throw usage(
          `this is not a verifier key: ${vkey}`,
          'one looks like name+0123abcd+base64; see: ./millwright trail key',
        );
      return key;
    });
}

/** The keys that a bundle names itself: they show that it hangs together, and nothing about who made it. */
function ownKeys(source: Buffer): string[] {
  try {
    const { keys }: { keys?: unknown } = JSON.parse(source.toString('utf8'));
    const lists = z.record(z.string(), z.array(z.string())).safeParse(keys);
    return lists.success ? Object.values(lists.data).flat() : [];
  } catch {
    return []; // the verdict says that it is no JSON
  }
}

async function verifyFile(
  context: Context,
  path: string,
  keys: readonly VerifierKey[],
  attestations: string | undefined,
): Promise<void> {
  if (await isRange(path)) {
    if (attestations !== undefined) throw usage('--attestations go with the bundle of a run');
    return verifyRangeFile(context, path, keys);
  }
  const source = await read(path, MAX_BUNDLE_BYTES);
  const given = keys.map((key) => key.vkey);
  const vkeys = given.length > 0 ? given : ownKeys(source).filter((vkey) => parseVerifierKey(vkey) !== null);
  if (given.length === 0) context.note(OWN_KEYS);
  const verdict: BundleVerdict = verifyBundle(source, vkeys);
  const whole = verdict.integrity.kind === 'ok';
  const attested = whole ? await verifiedAttestations(context, { path, source }, attestations, vkeys) : null;
  showData(context, { ...verdict, attestations: attested, keyGiven: given.length > 0 }, () => [
    ...bundleLines(context.look, verdict),
    ...(attested === null ? [] : attestationLines(context.look, attested)),
  ]);
  const bad = attested !== null && attested.kind !== 'ok';
  if (!whole || verdict.completeness.kind === 'incomplete' || bad) exitWith(DOES_NOT_VERIFY);
}

/** Notes in a file, one after the other; each begins where the signatures of the one before it end. */
function notesIn(text: string): string[] {
  const notes = text.match(/(?:[^\n]+\n)+\n(?:\u2014 [^\n]+\n)+/g) ?? [];
  if (notes.length === 0 || notes.some((note) => parseNote(note).kind !== 'note'))
    throw usage(
      '--earlier takes a file of signed checkpoints',
      'keep one with: ./millwright trail checkpoint > FILE',
    );
  return notes;
}

async function factoryVerdict(
  context: Context,
  keys: readonly VerifierKey[],
  earlier: readonly string[],
): Promise<TrailVerdict> {
  const { value } = await context.client.call('showKey');
  if (!keys.some((key) => key.kind === 'note'))
    context.note(`No --key: trusting the one that the factory gives now. Keep it: ${value.vkey}`);
  const own = parseVerifierKey(value.vkey);
  const trusted = keys.some((key) => key.kind === 'note') || own === null ? keys : [...keys, own];
  const verifier = new TrailVerifier({ keys: trusted, rotations: value.rotations, earlier });
  for (let after = 0; !verifier.done; ) {
    const page = (await context.client.call('readLog', { query: { after, limit: 2_000 } })).value;
    for (const { size, note } of page.checkpoints) verifier.checkpoint(size, note);
    for (const { envelope, payload } of page.entries)
      verifier.entry({ envelope, payload: readPayload(payload) ?? null }); // what is no payload is as good as none
    const last = page.entries.at(-1);
    if (last === undefined) {
      if (page.sealed > after) verifier.checkpoint(page.sealed, ''); // signed on more entries than there are
      break;
    }
    after = last.envelope.position;
    if (context.noteLook.terminal) context.note(`verified ${after} of ${page.head}`);
  }
  return verifier.finish();
}

export async function verify(context: Context, _args: string[], options: Options): Promise<void> {
  const keys = keysOf(options.key);
  if (options.evidence !== undefined)
    return verifyEvidenceFile(
      context,
      String(options.evidence),
      keys.map(({ vkey }) => vkey),
    );
  if (options.bundle !== undefined) {
    const attestations = options.attestations as string | undefined;
    return verifyFile(context, String(options.bundle), keys, attestations);
  }
  const earlier =
    options.earlier === undefined
      ? []
      : notesIn((await read(String(options.earlier), 1_048_576)).toString('utf8'));
  const verdict =
    options.database === undefined
      ? await factoryVerdict(context, keys, earlier)
      : await databaseVerdict(context, options.database, keys, earlier);
  showData(context, verdict, () => trailLines(context.look, verdict));
  if (verdict.integrity.kind !== 'ok') exitWith(DOES_NOT_VERIFY);
}

async function handOver(
  context: Context,
  { raw, value }: Answered<AnswerOf<'exportRun'>>,
  options: Options,
): Promise<void> {
  if (options.output === undefined) {
    context.document(raw);
    return;
  }
  await writeFile(String(options.output), `${JSON.stringify(raw, null, 1)}\n`);
  context.note(
    `Wrote ${value.entries.length} ${value.entries.length === 1 ? 'entry' : 'entries'} with proofs to ${options.output}.`,
  );
  if (context.json) context.document({ file: options.output, entries: value.entries.length });
}

export async function exportFile(context: Context, _args: string[], options: Options): Promise<void> {
  const asked = [options.run, options.evidence ?? options.since].filter((one) => one !== undefined);
  if (
    asked.length !== 1 ||
    (options.until !== undefined && (options.since === undefined || options.evidence))
  )
    throw usage(
      'export takes --run RUN for a bundle, --since POSITION [--until POSITION] for every entry of a range, or --evidence soc2 [--since X] for an evidence pack',
      './millwright trail export --run RUN -o run.json    (or all of the trail: --since 0 -o trail.jsonl)',
    );
  if (options.evidence !== undefined) return exportEvidence(context, options);
  if (options.since !== undefined) return exportRange(context, options);
  const run = String(options.run);
  await handOver(context, await context.client.call('exportRun', { params: { id: run } }), options);
  if (options.output !== undefined) await exportAttestations(context, run, String(options.output));
}

export async function prove(context: Context, [position = '']: string[], options: Options): Promise<void> {
  const params = { position: parseWhole(position, 'POSITION', 1, 999_999_999) };
  await handOver(context, await context.client.call('proveEntry', { params }), options);
}

export async function key(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('showKey');
  const pem = parseVerifierKey(value.vkey)?.pem() ?? '';
  showData(context, { ...(raw as object), pem }, () => [options.pem === true ? pem.trimEnd() : value.vkey]);
}

export async function rotate(context: Context): Promise<void> {
  const { raw, value } = await context.client.call('rotateKey');
  showData(context, raw, () => [value.next]);
  context.note(`The old key vouched for it on the trail: ${value.previous}`);
}

export async function redact(context: Context, [position = '']: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('redact', {
    body: { position: parseWhole(position, 'POSITION', 1, 999_999_999), reason: String(options.reason) },
  });
  showData(context, raw, () => [
    value.erased
      ? `The free text of entry ${value.position} is erased; entry ${value.record} says so. Proofs and state stand as they were.`
      : `Entry ${value.position} has no free text (any more); entry ${value.record} says that it was asked for.`,
  ]);
}

export async function checkpoint(context: Context): Promise<void> {
  const { raw, value } = await context.client.call('showCheckpoint');
  showData(context, raw, () => [value.note.trimEnd()]);
}
