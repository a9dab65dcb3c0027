import { memoryKey } from '../verify/base-memory.ts';
import type { BaseFacts } from '../verify/judge.ts';
import type { Prepared } from '../verify/run-suite.ts';
import { stepsText } from '../verify/steps.ts';
import { filesOf } from '../verify/tree-entries.ts';
import type { Held } from './runner.ts';
import type { Unprepared } from './workspace-inputs.ts';

const MAX_NAMES = 10;
const MAX_NAME = 120;

/** `news`: how the suite does on the base, once that is known. */
export type SuiteFacts = { lines: string[]; news: () => Promise<string | null> };

const silent = async () => null;

/**
 * How the change will be tested, a line each: the command and what it runs in, and how the suite did on the base where that is known. Nobody waits
 * for a suite here: what is known is what this runner learned of that base, before or beside the conversation (learn-beside.ts).
 */
export async function suiteFacts(
  { runner, spec }: Pick<Held, 'runner' | 'spec'>,
  base: Prepared | Unprepared,
): Promise<SuiteFacts> {
  if ('kind' in base) return { lines: [], news: silent };
  const { toolchain, memory, sandboxes } = runner;
  const command = await toolchain.testCommand(spec.config, await filesOf(base.checkout, toolchain));
  if (command.kind === 'none')
    return { lines: ['tests: no command is known, so no suite speaks for a change'], news: silent };
  const key = memoryKey(toolchain, base, sandboxes.image, command);
  const news = async () => {
    const known = await memory.get(key);
    return known === null ? null : `suite on the base: ${saidOf(known, command.steps)}`;
  };
  return {
    lines: [
      `tests, as the factory runs them (/bin/sh, this environment, ${toolchain.programs} on PATH): ${command.text}`,
      (await news()) ?? 'suite on the base: not known to the factory yet; beside a result once it is',
    ],
    news,
  };
}

/** Pure. */
export function saidOf(
  { exitCode, ms, outcomes, unfit, followed, passed }: BaseFacts,
  steps: readonly string[] = [],
): string {
  const failing = outcomes.filter(({ state }) => state === 'fail').map(({ name }) => name.slice(0, MAX_NAME));
  const shown = failing.slice(0, MAX_NAMES).join('; ');
  const more = failing.length > MAX_NAMES ? `; and ${failing.length - MAX_NAMES} more` : '';
  const how =
    exitCode === null
      ? 'did not end in time'
      : exitCode === 0
        ? 'passes'
        : `fails with exit code ${exitCode}`;
  return [
    `${how}, ${(ms / 1_000).toFixed(1)} s`,
    stepsText(steps, passed, exitCode === null ? 'did not end' : 'failed') ?? '',
    failing.length === 0 ? '' : `failing there, not yours: ${shown}${more}`,
    followed === 'by_exit_code' && exitCode !== 0 ? 'judged by exit code alone' : '',
    unfit ?? '',
  ]
    .filter((part) => part !== '')
    .join('. ');
}
