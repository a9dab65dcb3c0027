// A runner's process to be killed (-9): opens a sandbox, starts something endless in it, says so, and never ends by itself.
// argv: data folder, factory, incarnation, a bundle file, its tree.
import { readFile } from 'node:fs/promises';
import { GitSha } from '@millwright/domain';
import { testSandboxes } from './factory.ts';

const [data = '', factory = '', incarnation = '', bundle = '', tree = ''] = process.argv.slice(2);
const { sandboxes } = await testSandboxes({ data, factory, incarnation });
const checkout = await sandboxes.checkout(await readFile(bundle), GitSha.parse(tree));
if (checkout.kind === 'refused') throw new Error(checkout.reason);
const opened = await sandboxes.open({
  run: 'run_1',
  attempt: 'att_1',
  purpose: 'test',
  checkout: checkout.checkout,
});
if (opened.kind === 'refused') throw new Error(opened.reason);
void opened.sandbox.exec('echo x > made; sleep 1000', { timeoutMs: 1_000_000, maxBytes: 100 });
process.stdout.write(`${opened.sandbox.container}\n`);
