import type { Command } from 'commander';
import { usage } from './fail.ts';

type Nouns = { trail: Command; release: Command; rollback: Command };

/** CONTRACT.md's commands of later issues: refused with a message, in no help, so that nothing is pretended. */
export function notYet(root: Command, nouns: Nouns): void {
  const refuse = (parent: Command, name: string, shown: string) =>
    parent
      .command(`${name} [words...]`, { hidden: true })
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .action(() => {
        throw usage(
          `\`millwright ${shown}\` is not in this version yet`,
          'see the status table in README.md for what is there',
        );
      });
  for (const verb of ['verify', 'export', 'prove']) refuse(nouns.trail, verb, `trail ${verb}`);
  for (const verb of ['freeze', 'thaw']) refuse(nouns.release, verb, `release ${verb}`);
  refuse(nouns.rollback, 'undo', 'rollback undo');
  for (const noun of ['policy', 'budget', 'digest', 'witness']) refuse(root, noun, noun);
}
