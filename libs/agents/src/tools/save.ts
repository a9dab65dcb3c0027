import type { Workspace } from '@millwright/domain';
import { OUTPUTS } from '../conversation.ts';

/** One argument of a program has 131,072 bytes at most on Linux (MAX_ARG_STRLEN): with every quote escaped this much fits. */
const PIECE = 30_000;
/** Of one output. */
export const MAX_SAVED = 1024 * 1024;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * Writes texts to files in the sandbox, outside the workspace, where they can be read again and are no part of a change. Best effort: where
 * the sandbox has no room left, what was said of the file does not hold and the model finds that out. NULs are left out.
 */
export async function saveFiles(
  workspace: Workspace,
  files: readonly { path: string; text: string }[],
  signal: AbortSignal,
): Promise<void> {
  const options = { timeoutMs: 30_000, maxBytes: 1_024, signal };
  for (const { path, text } of files) {
    const kept = text.replaceAll('\0', '').slice(0, MAX_SAVED);
    for (let at = 0, to = '>'; at === 0 || at < kept.length; at += PIECE, to = '>>') {
      const make = at === 0 ? `mkdir -p ${OUTPUTS} && ` : '';
      const done = await workspace.exec(
        `${make}printf %s ${quoted(kept.slice(at, at + PIECE))} ${to} ${path}`,
        options,
      );
      if (done.kind !== 'exited' || done.exitCode !== 0) return;
    }
  }
}
