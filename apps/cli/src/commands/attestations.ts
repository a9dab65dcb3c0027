import { readFile, stat, writeFile } from 'node:fs/promises';
import {
  type AttestationsVerdict,
  attestationsNamed,
  MAX_ATTESTATIONS_BYTES,
  verifyAttestations,
} from '@millwright/audit/proof';
import type { Context } from '../context.ts';
import { codeOf, failed, usage } from '../fail.ts';

/** Where a bundle's attestations lie, as in-toto's bundle specification names such a file. */
const besideOf = (bundle: string): string => `${bundle}.intoto.jsonl`;

/** Writes the envelopes that a run's entries name beside its bundle, a line each. */
export async function exportAttestations(context: Context, run: string, bundle: string): Promise<void> {
  const { value } = await context.client.all('listAttestations', { params: { id: run } });
  if (value.length === 0) return;
  await writeFile(besideOf(bundle), value.map(({ line }) => `${line}\n`).join(''));
  context.note(
    `Wrote ${value.length} signed in-toto statement${value.length === 1 ? '' : 's'} to ${besideOf(bundle)}.`,
  );
}

async function textOf(path: string): Promise<string> {
  if ((await stat(path)).size > MAX_ATTESTATIONS_BYTES)
    throw usage(`${path} is larger than ${MAX_ATTESTATIONS_BYTES} bytes`);
  return readFile(path, 'utf8');
}

/**
 * The verdict on the attestations of a bundle: those in `path`, else in the file beside the bundle. Null where the bundle names none, or
 * where they were not handed over, which is said.
 */
export async function verifiedAttestations(
  context: Context,
  bundle: { path: string; source: Buffer },
  path: string | undefined,
  vkeys: readonly string[],
): Promise<AttestationsVerdict | null> {
  const named = attestationsNamed(bundle.source);
  try {
    return verifyAttestations(await textOf(path ?? besideOf(bundle.path)), bundle.source, vkeys);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      throw failed('unreadable', `the attestations cannot be read: ${String(error)}`);
    if (path !== undefined) throw usage(`there is no file ${path}`);
    if (named > 0)
      context.note(
        `The bundle names ${named} attestations, and ${besideOf(bundle.path)} is not there: they were not checked.`,
      );
    return null;
  }
}
