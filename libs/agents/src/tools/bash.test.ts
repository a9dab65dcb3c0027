import type { ExecResult, Workspace } from '@millwright/domain';
import { expect, test } from 'vitest';
import { runBash } from './bash.ts';
import { BesideCommands } from './beside.ts';

const never = async (): Promise<never> => {
  throw new Error('not asked for');
};

async function said(result: ExecResult): Promise<string> {
  const workspace: Workspace = { exec: async () => result, read: never, write: never, start: never };
  const outcome = await runBash(
    workspace,
    { command: 'npm ci && npm test' },
    {
      ...{ timeoutMs: 120_000, maxTimeoutMs: 900_000, file: '/tmp/outputs/1-1.txt', pictures: false },
      ...{ beside: new BesideCommands(workspace), signal: new AbortController().signal },
    },
  );
  return 'gone' in outcome ? outcome.gone : outcome.text;
}

test.each<[readonly string[] | undefined, string]>([
  [
    ['npm test', 'sh -c node --test', 'node --test'],
    '; running then: npm test > sh -c node --test > node --test.',
  ],
  [[], ', in the shell itself.'],
  [undefined, '.'],
])('a command that is over its time: %j ran then', async (running, where) => {
  const result = { kind: 'timed_out', output: 'begun\n', droppedBytes: 0, ms: 120_000 } as const;
  expect(await said(running === undefined ? result : { ...result, running })).toContain(
    `begun\n[stopped after 120 s${where} Ask for more with a first line`,
  );
});
