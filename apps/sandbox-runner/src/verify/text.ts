import { stripVTControlCharacters } from 'node:util';
import type { CommandResult, ExecResult } from '@millwright/domain';

const TAIL = 16_384;

/** What a command did, as the report holds it: the end of its output, without terminal control, 16 KiB at most. */
export function commandResult(command: string, result: ExecResult, ms: number): CommandResult {
  const text = result.kind === 'gone' ? result.reason : result.output;
  return {
    command,
    exitCode: result.kind === 'exited' ? result.exitCode : null,
    timedOut: result.kind === 'timed_out',
    output: stripVTControlCharacters(text).slice(-TAIL),
    ms,
  };
}
