import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkout } from './sandbox.ts';
import type { Sandbox, Sandboxes } from './sandboxes.ts';
import { bundleOf, nth } from './testing/bundle.ts';
import { testSandboxes } from './testing/factory.ts';

let factory: Awaited<ReturnType<typeof testSandboxes>>;
let sandboxes: Sandboxes;
let checkout: Checkout;
const within = { timeoutMs: 10_000, maxBytes: 16_384 };

async function opened(options: Partial<Parameters<Sandboxes['open']>[0]> = {}): Promise<Sandbox> {
  const result = await sandboxes.open({
    run: 'run_1',
    attempt: 'att_1',
    purpose: 'test',
    checkout,
    ...options,
  });
  if (result.kind === 'refused') throw new Error(result.reason);
  return result.sandbox;
}

beforeAll(async () => {
  factory = await testSandboxes();
  sandboxes = factory.sandboxes;
  const { bundle, trees } = await bundleOf({
    'README.md': '# A\n',
    'src/a.js': 'export const a = 1;\n',
    'run.sh': { script: '#!/bin/sh\necho ran\n' },
    'link.js': { link: 'src/a.js' },
  });
  const result = await sandboxes.checkout(bundle, nth(trees, 0));
  if (result.kind === 'refused') throw new Error(result.reason);
  checkout = result.checkout;
}, 60_000);
afterAll(() => factory.end());

test('open → exec → snapshot → extract → destroy', async () => {
  const sandbox = await opened();
  try {
    expect(
      await sandbox.exec('id -u; pwd; cat src/a.js; ./run.sh; git status --short', within),
    ).toMatchObject({
      kind: 'exited',
      exitCode: 0,
      output: '10001\n/workspace\nexport const a = 1;\nran\n',
    });
    expect({ kind: (await sandbox.snapshot()).kind }).toMatchObject({ kind: 'unchanged' });
    await sandbox.exec(
      'echo "export const b = 2;" >> src/a.js; rm README.md; mkdir -p n/m; echo x > n/m/new',
      within,
    );
    expect((await sandbox.snapshot()).kind).toBe('snapshot');
    const change = await sandbox.extract();
    expect(change).toMatchObject({
      kind: 'change',
      baseTree: checkout.tree,
      paths: [
        { path: 'README.md', status: 'deleted', added: 0, removed: 1 },
        { path: 'n/m/new', status: 'added', added: 1, removed: 0 },
        { path: 'src/a.js', status: 'modified', added: 1, removed: 0 },
      ],
    });
  } finally {
    await sandbox.destroy();
  }
});
