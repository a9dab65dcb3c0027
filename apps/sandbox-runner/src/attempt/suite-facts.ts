import { memoryKey } from '../verify/base-memory.ts';
import type { BaseFacts } from '../verify/judge.ts';
import type { Prepared } from '../verify/run-suite.ts';
import { stepsText } from '../verify/steps.ts';
import { filesOf } from '../verify/tree-entries.ts';
import type { Held } from './runner.ts';
import type { Unprepared } from './workspace-inputs.ts';

const MAX_NAMES = 10;
const MAX_NAME = 120;

/**
 * How the change will be tested, a line each: the command and what it runs in, and how the suite did on the base where that is known. The suite is
 * never run for it: what is known is what a test stage of this runner learned of that base before.
 */
export async function suiteFacts(
  { runner, spec }: Pick<Held, 'runner' | 'spec'>,
  base: Prepared | Unprepared,
): Promise<string[]> {
  if ('kind' in base) return [];
  const { toolchain, memory, sandboxes } = runner;
  const command = await toolchain.testCommand(spec.config, await filesOf(base.checkout, toolchain));
  if (command.kind === 'none') return ['tests: no command is known, so no suite speaks for a change'];
  const known = await memory.get(memoryKey(toolchain, base, sandboxes.image, command));
  return [
    `tests, as the factory runs them (/bin/sh, this environment, ${toolchain.programs} on PATH): ${command.text}`,
    `suite on the base: ${known === null ? 'not run by the factory yet' : saidOf(known, command.steps)}`,
  ];
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
