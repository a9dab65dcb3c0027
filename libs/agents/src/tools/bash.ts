import type { Workspace } from '@millwright/domain';
import { bounded, MAX_RESULT } from './bound.ts';
import type { ToolOutcome } from './edit.ts';
import type { BashInput } from './inputs.ts';

export type BashOutcome = ToolOutcome | { gone: string };

/** Runs a command in the sandbox. `gone`: the sandbox is no more, which no model can do anything about. */
export async function runBash(
  workspace: Workspace,
  input: BashInput,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<BashOutcome> {
  if (input.command === undefined)
    return { ok: true, text: 'every command starts afresh; nothing to restart', changed: false };
  const result = await workspace.exec(input.command, { ...options, maxBytes: MAX_RESULT });
  if (result.kind === 'gone') return { gone: result.reason };
  const output = bounded(result.output.trimEnd(), MAX_RESULT - 200, result.droppedBytes);
  if (result.kind === 'timed_out')
    return {
      ok: false,
      text: `${output}\n[stopped after ${Math.round(options.timeoutMs / 1_000)} s: run long work in parts or in the background]`,
      changed: false,
    };
  if (result.exitCode === 0)
    return { ok: true, text: output === '' ? '(no output)' : output, changed: false };
  return {
    ok: false,
    text: `${output}${output === '' ? '' : '\n'}[exit code ${result.exitCode}]`,
    changed: false,
  };
}
