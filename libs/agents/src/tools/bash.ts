import type { Workspace } from '@millwright/domain';
import { askedBeside, type BesideCommands } from './beside.ts';
import { bounded, MAX_RESULT } from './bound.ts';
import type { ToolOutcome } from './edit.ts';
import type { BashInput } from './inputs.ts';
import { askedPicture, readPicture } from './picture.ts';
import { MAX_SAVED, saveFiles } from './save.ts';

export type BashOutcome = ToolOutcome | { gone: string };

export type BashOptions = {
  /** What a command may take, and the most that it may ask for. */
  timeoutMs: number;
  maxTimeoutMs: number;
  /** Where an output goes that is longer than what is shown of it. */
  file: string;
  beside: BesideCommands;
  /** Whether the model takes pictures. */
  pictures: boolean;
  signal: AbortSignal;
};

/** Runs a command in the sandbox. `gone`: the sandbox is no more, which no model can do anything about. */
export async function runBash(
  workspace: Workspace,
  { command }: BashInput,
  options: BashOptions,
): Promise<BashOutcome> {
  if (command === undefined)
    return { ok: true, text: 'every command starts afresh; nothing to restart', changed: false };
  const { signal, beside, pictures, file } = options;
  const asked = askedBeside(command);
  if (asked !== null) {
    const most =
      asked.kind === 'read' ? { ...asked, waitMs: Math.min(asked.waitMs, options.timeoutMs) } : asked;
    const { ok, note, output, droppedBytes } = await beside.do(most, signal);
    const text =
      output === '' ? '' : `${await shown(workspace, output.trimEnd(), droppedBytes, { file, signal })}\n`;
    return { ok, text: `${text}[${note}]`, changed: false };
  }
  const path = askedPicture(command);
  if (path !== null) {
    if (!pictures) return { ok: false, text: 'this model takes no pictures', changed: false };
    const read = await readPicture(workspace, path, signal);
    if (read.kind === 'gone') return { gone: read.reason };
    if (read.kind === 'no') return { ok: false, text: read.why, changed: false };
    return { ok: true, text: `the picture ${path}`, changed: false, picture: read.picture };
  }
  const timeoutMs = timeoutOf(command, options);
  const result = await workspace.exec(command, { timeoutMs, signal, maxBytes: MAX_SAVED });
  if (result.kind === 'gone') return { gone: result.reason };
  const output = await shown(workspace, result.output.trimEnd(), result.droppedBytes, options);
  if (result.kind === 'timed_out')
    return {
      ok: false,
      text: `${output}\n[stopped after ${Math.round(timeoutMs / 1_000)} s${late(result.ms, timeoutMs)}${at(result.running)}. Ask for more with a first line \`# timeout: SECONDS\`, ${Math.round(options.maxTimeoutMs / 1_000)} at most, or run it in parts]`,
      changed: false,
    };
  if (result.exitCode === 0)
    return { ok: true, text: output === '' ? '(no output)' : output, changed: false };
  const said = `${output}${output === '' ? '' : '\n'}[exit code ${result.exitCode}]`;
  return { ok: answersNo(command, result.exitCode), text: said, changed: false };
}

/** A busy machine kept it waiting: that is not counted. */
const late = (ms: number, timeoutMs: number): string =>
  ms < timeoutMs * 1.1 ? '' : ` (${Math.round(ms / 1_000)} by the clock, of a busy machine)`;

/** Where a command was when its time was up. */
function at(running: readonly string[] | undefined): string {
  if (running === undefined) return '';
  return running.length === 0 ? ', in the shell itself' : `; running then: ${running.join(' > ')}`;
}

/** What the first line asks for, within bounds. */
function timeoutOf(command: string, { timeoutMs, maxTimeoutMs }: BashOptions): number {
  const asked = /^\s*#\s*timeout:\s*(\d{1,5})/i.exec(command)?.[1];
  return asked === undefined ? timeoutMs : Math.min(maxTimeoutMs, Math.max(1, Number(asked)) * 1_000);
}

/** Head and tail of a long output; all of it that was kept lies in a file, which is named. */
async function shown(
  workspace: Workspace,
  output: string,
  dropped: number,
  { file, signal }: Pick<BashOptions, 'file' | 'signal'>,
): Promise<string> {
  const room = MAX_RESULT - 400;
  if (output.length <= room && dropped === 0) return output;
  await saveFiles(workspace, [{ path: file, text: output }], signal);
  const gap = dropped === 0 ? '' : ` without ${dropped} bytes from its middle`;
  return `${bounded(output, room, dropped)}\n[the whole output${gap} is in ${file}]`;
}

/** Programs that say "no" by exit code 1: nothing found, files differ, a test that does not hold. */
const ASKS =
  /^(?:(?:e|f|z)?grep|rg|git\s+(?:grep|diff|ls-files)|diff|cmp|test|\[|which|command|type|pgrep|ls)\b|^\[/;

/** Whether exit code 1 of this command is an answer rather than a failure: its last part is of a program that asks. */
function answersNo(command: string, exitCode: number): boolean {
  if (exitCode !== 1) return false;
  const last = command
    .trim()
    .split(/\n|;|&&|\|\||\|/)
    .at(-1)
    ?.trim();
  return last !== undefined && ASKS.test(last);
}
