import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { harness } from './harness-files.ts';

// mocha as far as the harness touches it.
class Suite {
  bails = false;
  readonly suites: Suite[] = [];
  bail(bails: boolean): void {
    this.bails = bails;
  }
}
const mocha = () =>
  class Mocha {
    readonly options = { bail: false };
    readonly suite = Object.assign(new Suite(), { suites: [new Suite()] });
    run(): boolean[] {
      return [this.options.bail, this.suite.bails, ...this.suite.suites.map(({ bails }) => bails)];
    }
  };

test.each([
  ['mutant', true],
  ['observe', false],
] as const)('with a fault in the code mocha ends at the first test that fails: %s', async (mode, bails) => {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-bail-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { files } = await harness({ folder, root: '/workspace', mode, command: 'mocha' });
  for (const { name, text } of files) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, 'key-0'), Buffer.alloc(32));
  const Mocha = mocha();
  createRequire(`${folder}/`)('./mocha.cjs')(Mocha);
  expect(new Mocha().run()).toEqual([bails, bails, bails]);
});
