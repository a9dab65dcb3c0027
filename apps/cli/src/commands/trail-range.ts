import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RANGE_START, type VerifierKey } from '@millwright/audit/proof';
import { type Context, show as showData } from '../context.ts';
import { codeOf, Fail, failed, fileTrouble, messageOf, usage } from '../fail.ts';
import { DOES_NOT_VERIFY, exitWith } from '../finish.ts';
import { verifyRange } from '../range/verify.ts';
import { parseWhole } from '../text/parse.ts';
import { OWN_KEYS, rangeLines } from '../views/verdict.ts';

type Options = Record<string, string | boolean | undefined>;

const MOST = 999_999_999;
/** A factory that sends nothing for so long is not waited for. */
const STALLED_MS = 60_000;
const NEWLINE = 10;

/** What a file that cannot be read means for the person who named it. */
export function unreadable(path: string, error: unknown): Fail {
  if (error instanceof Fail) return error;
  if (codeOf(error) === 'ENOENT') return usage(`there is no file ${path}`);
  return failed('unreadable', `${path} cannot be read: ${codeOf(error) ?? messageOf(error)}`);
}

/** Whether a file begins as a range does. */
export async function isRange(path: string): Promise<boolean> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(RANGE_START.length));
      return buffer.toString('latin1', 0, bytesRead) === RANGE_START;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The two verdicts on a range in a file of any size, with no factory. */
export async function verifyRangeFile(
  context: Context,
  path: string,
  keys: readonly VerifierKey[],
): Promise<void> {
  if (keys.length === 0) context.note(OWN_KEYS);
  const trusted = keys.length === 0 ? 'own' : keys.map(({ vkey }) => vkey);
  const verdict = await verifyRange(path, trusted).catch((error) => {
    throw unreadable(path, error);
  });
  showData(context, { ...verdict, keyGiven: keys.length > 0 }, () => rangeLines(context.look, verdict));
  if (verdict.integrity.kind !== 'ok' || verdict.completeness.kind === 'incomplete')
    exitWith(DOES_NOT_VERIFY);
}

/** Passes on what comes, counting lines, and gives up when nothing does. */
async function* counted(body: Readable, stalled: AbortController, told: { lines: number }) {
  const timer = setTimeout(() => stalled.abort(), STALLED_MS);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      timer.refresh();
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) told.lines += 1;
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Every entry of a range, into a file (which is there when it is whole) or to stdout. */
export async function exportRange(context: Context, options: Options): Promise<void> {
  const position = (name: 'since' | 'until', least: number) =>
    options[name] === undefined ? undefined : parseWhole(String(options[name]), `--${name}`, least, MOST);
  const query = { since: position('since', 0), until: position('until', 1) };
  const stalled = new AbortController();
  const accept = { accept: 'application/x-ndjson' };
  const { body } = await context.client.stream('exportRange', { query }, accept, stalled.signal);
  if (body === null) throw failed('unexpected_answer', 'the factory answered with nothing');
  const told = { lines: 0 };
  const lines = counted(Readable.fromWeb(body as never), stalled, told);
  const file = options.output === undefined ? null : String(options.output);
  const part = `${file}.part`;
  try {
    if (file === null) await pipeline(lines, process.stdout, { end: false });
    else {
      await pipeline(lines, createWriteStream(part));
      await rename(part, file);
    }
  } catch (error) {
    if (file !== null) await rm(part, { force: true });
    if (codeOf(error) === 'EPIPE') return; // whoever read it has read enough
    const unwritable = fileTrouble(error);
    if (unwritable !== null) throw unwritable;
    throw failed('broken-off', `the export broke off after ${told.lines} lines: ${messageOf(error)}`, {
      ...(file === null ? {} : { kept: `${file} was not touched` }),
      next: "the factory's log says why; and: ./millwright trail verify",
    });
  }
  if (file === null) return;
  const entries = told.lines - 1;
  context.note(`Wrote ${entries} ${entries === 1 ? 'entry' : 'entries'} with what proves them to ${file}.`);
  if (context.json) context.document({ file, entries });
}
