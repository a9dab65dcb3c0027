import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { javascript } from '@millwright/toolchains';
import { expect, onTestFinished, test } from 'vitest';
import { baseInputs } from './base-inputs.ts';
import { filesOf } from './tree-entries.ts';

test('new configuration that is a link is a doubt of its own code, and is not there as tests run', async () => {
  const root = await mkdtemp(join(tmpdir(), 'base-inputs-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const [base, candidate] = [
    { tree: 'base', path: join(root, 'base') },
    { tree: 'candidate', path: join(root, 'candidate') },
  ];
  await Promise.all([base, candidate].map(({ path }) => mkdir(path)));
  await writeFile(join(candidate.path, 'fast.ts'), '');
  await symlink('fast.ts', join(candidate.path, 'vitest.config.ts'));
  const { plan, doubts } = await baseInputs(
    javascript,
    {
      ...{ kind: 'command', text: 'vitest run', script: 'vitest run', starts: 'vitest run' },
      ...{ steps: ['vitest run'], following: () => 'vitest run' },
    },
    {
      ...{ base, candidate, files: await filesOf(base, javascript) },
      changed: [{ path: 'vitest.config.ts', status: 'added', added: 1, removed: 0 }],
    },
  );
  expect(doubts).toMatchObject([{ code: 'configuration-link', path: 'vitest.config.ts' }]);
  expect(plan.remove).toEqual(['vitest.config.ts']);
});
