import type { RepoConfig } from '@millwright/domain';
import type { TestCommand, Toolchain, TreeFiles } from '../toolchain.ts';
import { independent } from './additions.ts';
import { canCarry, carrying, failing, makeCanary, speaking, speaks } from './canary.ts';
import { parseManifest, testCommand } from './command.ts';
import {
  asObject,
  isAmongTests,
  isConfiguration,
  isInstalled,
  isManifest,
  isReadByName,
  isSource,
  isTest,
  loadedBy,
  mergeManifest,
  scriptsOf,
  testSetup,
} from './configuration.ts';
import { unfit } from './engines.ts';
import { harness } from './harness-files.ts';
import { hooksAssertions } from './hold.ts';
import { installing } from './install.ts';
import { inventory, PROGRAMS } from './inventory.ts';
import { sameCode } from './lexer.ts';
import { marks } from './marks.ts';
import { mutants } from './mutants.ts';
import { entriesOf, ofTests } from './of-tests.ts';
import { setup } from './setup.ts';

const MAX_STARTS = 262_144;

async function commandOf(config: Pick<RepoConfig, 'test'>, base: TreeFiles): Promise<TestCommand> {
  const manifest = await base.read('package.json');
  const command = testCommand(config, parseManifest(manifest));
  if (command.kind === 'none') return command;
  const scripts = scriptsOf(command.script, manifest === null ? null : asObject(manifest));
  const loaded = (await loadedBy(command, base)).filter(({ restored }) => restored);
  const texts = await Promise.all(loaded.map(({ path }) => base.read(path)));
  return { ...command, starts: [...scripts, ...texts].join('\n').slice(0, MAX_STARTS) };
}

/** JavaScript and TypeScript on Node. */
export const javascript: Toolchain = {
  name: 'javascript',
  installing,
  inventory,
  setup,
  programs: PROGRAMS,
  testCommand: commandOf,
  ...{
    isConfiguration,
    isManifest,
    isReadByName,
    mergeManifest,
    isInstalled,
    loadedBy,
    testSetup,
    isTest,
    isAmongTests,
    entriesOf,
    ofTests,
    isSource,
  },
  ...{
    canCarry,
    makeCanary,
    carrying,
    hooksAssertions,
    failing,
    speaking,
    speaks,
    harness,
    sameCode,
    independent,
    mutants,
    marks,
    unfit,
  },
};
