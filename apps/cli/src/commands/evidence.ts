import { readFile, stat, writeFile } from 'node:fs/promises';
import {
  type EvidencePack,
  evidenceMarkdown,
  FRAMEWORKS,
  MAX_BUNDLE_BYTES,
  verifyEvidence,
} from '@millwright/audit/proof';
import { type Context, show as showData } from '../context.ts';
import { codeOf, failed, usage } from '../fail.ts';
import { DOES_NOT_VERIFY, exitWith } from '../finish.ts';
import { parseInstant, parseWhole } from '../text/parse.ts';
import { evidenceLines } from '../views/verdict.ts';

type Options = Record<string, string | boolean | undefined>;

/** A position, or a time that stands for the first entry from then on. */
function startOf(given: string | undefined, now: number): { since?: number; from?: number } {
  if (given === undefined) return {};
  return /^\d+$/.test(given)
    ? { since: parseWhole(given, '--since', 0, 999_999_999) }
    : { from: parseInstant(given, '--since', now) };
}

/** Writes the pack to a file and, beside it, as Markdown. Without a file the pack goes to stdout. */
export async function exportEvidence(context: Context, options: Options): Promise<void> {
  const framework = FRAMEWORKS.find((one) => one === options.evidence);
  if (framework === undefined) throw usage(`--evidence takes ${FRAMEWORKS.join(' or ')}`);
  const query = { framework, ...startOf(options.since as string | undefined, context.now()) };
  const { raw, value } = await context.client.call('exportEvidence', { query });
  if (options.output === undefined) return context.document(raw);
  const file = String(options.output);
  const markdown = `${file.replace(/\.json$/, '')}.md`;
  await writeFile(file, `${JSON.stringify(raw, null, 1)}\n`);
  const check = `./millwright trail verify --evidence ${file} --key VKEY`;
  await writeFile(markdown, evidenceMarkdown(raw as EvidencePack, file, check));
  const count = Object.values(value.evidence).reduce((sum, lines) => sum + lines.length, 0);
  context.note(
    `Wrote ${count} ${count === 1 ? 'line' : 'lines'} of evidence with proofs to ${file}, and to read to ${markdown}.`,
  );
  if (context.json) context.document({ file, markdown, lines: count });
}

/** The verdict on a pack in a file, with no factory. */
export async function verifyEvidenceFile(
  context: Context,
  path: string,
  vkeys: readonly string[],
): Promise<void> {
  if (vkeys.length === 0)
    throw usage('a pack is checked against a key: --key VKEY', './millwright trail key');
  let source: string;
  try {
    if ((await stat(path)).size > MAX_BUNDLE_BYTES)
      throw usage(`${path} is larger than ${MAX_BUNDLE_BYTES} bytes`);
    source = await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw usage(`there is no file ${path}`);
    if (codeOf(error) === undefined) throw error;
    throw failed('unreadable', `${path} cannot be read: ${codeOf(error)}`);
  }
  const verdict = verifyEvidence(source, vkeys);
  showData(context, verdict, () => evidenceLines(context.look, verdict));
  if (verdict.integrity.kind !== 'ok' || verdict.lines.kind !== 'ok') exitWith(DOES_NOT_VERIFY);
}
