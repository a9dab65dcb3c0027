import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Conversation } from '@millwright/agents/recorded';

// Does what a conversation of the recorded model asks for, in a folder instead of a sandbox, so that the examples can be shown to
// mean what they say without a factory. The real tools are tested in libs/agents.

export type Ran = { code: number; output: string };
export type Check = { acceptance: string; command: string };

const ROOT = '/workspace';

const PATH = `${dirname(process.execPath)}:${process.env.PATH ?? ''}`;

/** A command in `folder`, with the Node that runs this and none of the test's variables but those given. 60 s at most. */
export function run(
  folder: string,
  command: string,
  given: NodeJS.ProcessEnv = { HOME: join(folder, 'node_modules') },
): Promise<Ran> {
  const env = { ...given, PATH, CI: '1' };
  return new Promise((resolve) => {
    execFile(
      'sh',
      ['-c', `exec 2>&1; ${command}`],
      { cwd: folder, env, timeout: 60_000, killSignal: 'SIGKILL' },
      (error, stdout) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, output: stdout });
      },
    );
  });
}

/** The examples' repository as the demo makes it: without tickets and conversations. */
export function copyShop(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    filter: (path) => !/\/(tickets|conversations)$/.test(path),
  });
}

function edit(folder: string, input: Record<string, unknown>): string {
  const text = (key: string): string => {
    const value = input[key];
    if (typeof value !== 'string') throw new Error(`an edit lacks ${key}`);
    return value;
  };
  const path = text('path');
  if (!path.startsWith(`${ROOT}/`)) throw new Error(`${path} is outside of ${ROOT}`);
  const file = join(folder, path.slice(ROOT.length + 1));
  if (text('command') === 'create') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text('file_text'));
    return `wrote ${path}`;
  }
  const parts = readFileSync(file, 'utf8').split(text('old_str'));
  if (parts.length !== 2) throw new Error(`old_str is ${parts.length - 1} times in ${path}`);
  writeFileSync(file, parts.join(text('new_str')));
  return `edited ${path}`;
}

/**
 * Plays a conversation to its submit and gives back what was submitted. Throws when an edit does not fit, when a turn does not find
 * what it expects in the results of the one before, and when it ends without a submit.
 */
export async function replay(conversation: Conversation, folder: string): Promise<Record<string, unknown>> {
  let results = '';
  for (const [index, turn] of conversation.turns.entries()) {
    const missing = turn.expect.find((pattern) => !new RegExp(pattern, 'm').test(results));
    if (missing !== undefined)
      throw new Error(`${conversation.source} turn ${index} expected /${missing}/ in:\n${results}`);
    results = '';
    for (const call of turn.tools) {
      if ('submit' in call) return call.submit;
      if ('bash' in call) results += (await run(folder, call.bash)).output;
      else if ('edit' in call) results += `${edit(folder, call.edit)}\n`;
      else if ('call' in call) throw new Error(`${conversation.source} calls ${call.call.name}`);
    }
  }
  throw new Error(`${conversation.source} ends without a submit`);
}

/** Installs from the lockfile, with the machine's own npm configuration. Throws what npm said. */
export async function install(folder: string): Promise<void> {
  const { VITEST: _vitest, NODE_OPTIONS: _options, ...env } = process.env;
  const { code, output } = await run(folder, 'npm ci --no-audit --no-fund', env);
  if (code !== 0) throw new Error(`npm ci failed (${code}): ${output}`);
}

export function resolveChecks(submitted: Record<string, unknown>): Check[] {
  const { checks } = submitted;
  if (!Array.isArray(checks)) throw new Error('no checks were submitted');
  return checks as Check[];
}
