import type { Workspace } from '@millwright/domain';
import { BASE_AT } from '@millwright/sandbox';
import type { Toolchain } from '@millwright/toolchains';
import type { Prepared } from '../verify/run-suite.ts';
import type { Unprepared } from './workspace-inputs.ts';

/** What an agent may look for, and mostly does. */
const TOOLS = ['git', 'rg', 'curl', 'jq', 'python3', 'make', 'gcc', 'go', 'cargo', 'java'];

const askWith = (
  script: string,
) => `for tool in ${TOOLS.join(' ')}; do command -v $tool >/dev/null && echo "+$tool" || echo "-$tool"; done
${script}
true`;

/**
 * What everybody would look for in a workspace, a line each: tools, dependencies, scripts, history. `onBase`: HEAD's parent is the base. One command; what the sandbox says of itself
 * is its own agent's to believe. Nothing where the sandbox does not answer: the agent finds that out.
 */
export async function workspaceFacts(
  { inventory }: Pick<Toolchain, 'inventory'>,
  workspace: Pick<Workspace, 'exec'>,
  made: Prepared | Unprepared,
  onBase: boolean,
): Promise<string[]> {
  const asked = await workspace.exec(askWith(inventory.script), { timeoutMs: 10_000, maxBytes: 8_192 });
  if (asked.kind !== 'exited') return [];
  const lines = asked.output.split('\n').map((line) => line.trim());
  const marked = (mark: string) =>
    lines
      .filter((line) => line.startsWith(mark) && TOOLS.includes(line.slice(1)))
      .map((line) => line.slice(1));
  const { versions, lines: found } = inventory.read(lines);
  return [
    `tools: ${[...versions, ...marked('+')].join(', ')}; not there: ${marked('-').join(', ') || 'none of note'}`,
    ...found,
    dependencies(made),
    onBase
      ? `git: HEAD is the work so far, HEAD~1 what it was made on (also in ${BASE_AT}), with the repository’s last commits as its history`
      : 'git: HEAD is what you begin with, with the repository’s last commits as its history',
  ].filter((line) => line !== '');
}

function dependencies(made: Prepared | Unprepared): string {
  if ('kind' in made) return `dependencies are not installed: ${made.reason.slice(0, 500)}`;
  if (made.layer === null) return 'dependencies: none to install';
  const how = made.compromise == null ? '' : ` ${made.compromise}`;
  return `dependencies: installed${how}; nothing more can be added`;
}
