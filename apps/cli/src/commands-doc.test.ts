import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { program } from './program.ts';
import { ROOT } from './up/root.ts';

// docs/commands.md is what the command line itself says: `vitest -u` writes it anew.

const COMMON = new Set(['--json', '--url', '--data', '--token', '--version']);
const cell = (text: string) => text.replaceAll('|', '\\|');

function rows(command: Command, path: string): string[] {
  const name = `${path} ${command.name()}`.trim();
  const args = command.registeredArguments.map((one) =>
    one.required ? `<${one.name()}>` : `[${one.name()}]`,
  );
  const options = command.options
    .filter((one) => !COMMON.has(one.long ?? '') && !one.hidden)
    .map((one) => `\`${one.flags}\`${one.mandatory ? ', needed' : ''}: ${one.description}`);
  const acts = Reflect.get(command, '_actionHandler') !== null && !Reflect.get(command, '_hidden');
  const own = acts
    ? [
        `| \`${cell([name, ...args].join(' '))}\` | ${cell(command.description())} | ${cell(options.join('<br>'))} |`,
      ]
    : [];
  return [...own, ...command.commands.flatMap((child) => rows(child, name))];
}

it('docs/commands.md has every command with its options', async () => {
  const table = program().commands.flatMap((command) => rows(command, ''));
  expect(table.length).toBeGreaterThan(50);
  await expect(
    [
      '# Commands',
      '',
      'Every command takes `--json` (one JSON document, an object a line where it follows), `--help`, `--url`, `--data` and `--token`; data goes to stdout,',
      'progress to stderr. It finds the factory at `--url`, else `MILLWRIGHT_URL`, else what `up` wrote into the data folder; the token likewise.',
      '',
      '| command | does | options |',
      '|---|---|---|',
      ...table,
      '',
      'Exit codes: 0 done as asked · 1 failed · 2 usage · 3 cannot reach the factory · 4 not allowed · 5 denied by policy · 6 rolled back · 7 the trail does not',
      'verify · 8 still pending.',
      '',
    ].join('\n'),
  ).toMatchFileSnapshot(join(ROOT, 'docs/commands.md'));
});
