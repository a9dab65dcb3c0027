import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { SetupError } from './report.mjs';

/** What each npm command runs, on the pinned Node. @type {Record<string, { file: string, args: string[] }>} */
export const COMMANDS = {
  start: { file: 'apps/cli/src/main.ts', args: ['up'] },
  demo: { file: 'tools/demo/main.ts', args: [] },
  test: { file: 'tools/test/main.ts', args: [] },
  'test:long': {
    file: 'node_modules/vitest/vitest.mjs',
    args: ['run', '--project', 'int', '--project', 'e2e', '--tags-filter=long'],
  },
  'test:faults': {
    file: 'node_modules/vitest/vitest.mjs',
    args: ['run', '--project', 'e2e', 'tools/faults'],
  },
  'test:kill': { file: 'tools/test/kill.ts', args: [] },
  'test:suites': { file: 'apps/sandbox-runner/src/verify/testing/suites.ts', args: [] },
  screenshots: { file: 'tools/screenshots/main.ts', args: [] },
  simulate: { file: 'tools/simulate/main.ts', args: [] },
  'compose:init': { file: 'tools/compose/init.ts', args: [] },
  bench: { file: 'bench/main.ts', args: [] },
};

/**
 * Runs the command with this terminal and waits for its end.
 * @param {string} root
 * @param {{ name: string, args: string[], node: string, env: Record<string, string> }} command
 * @returns {Promise<number>} its exit code; 128 and the signal's number where a signal ended it
 * @throws {SetupError} no such command in this checkout
 */
export function runCommand(root, command) {
  const chosen = COMMANDS[command.name];
  const file = join(root, chosen?.file ?? '');
  if (chosen === undefined || !existsSync(file)) {
    throw new SetupError(`this checkout has no ${chosen?.file ?? command.name}`, 'check: git status');
  }
  const path = `${dirname(command.node)}${delimiter}${process.env.PATH ?? ''}`;
  const child = spawn(command.node, [file, ...chosen.args, ...command.args], {
    cwd: root,
    stdio: 'inherit',
    // Compiled programs are kept, so that each process of the factory starts in half the time and without the type stripper's 18 MB.
    env: {
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/millwright'),
      ...process.env,
      ...command.env,
      PATH: path,
    },
  });
  // A terminal's Ctrl-C reaches the whole foreground group, the child too; a second SIGINT would look like impatience.
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new SetupError(`${command.node} cannot be started: ${error.message}`, 'run: npm ci')),
    );
    child.once('close', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 1 : constants.signals[signal])),
    );
  });
}
