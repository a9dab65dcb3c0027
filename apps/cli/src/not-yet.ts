import type { Command } from 'commander';
import { usage } from './fail.ts';

type Nouns = { release: Command; rollback: Command };

const LATER = {
  release: ['freeze', 'thaw'],
  rollback: ['undo'],
} as const;

/** `noun verb` of every command that no help shows. */
export const hidden: ReadonlySet<string> = new Set(
  Object.entries(LATER).flatMap(([noun, verbs]) => verbs.map((verb) => `${noun} ${verb}`)),
);

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
  for (const verb of LATER.release) refuse(nouns.release, verb, `release ${verb}`);
  for (const verb of LATER.rollback) refuse(nouns.rollback, verb, `rollback ${verb}`);
  for (const noun of ['policy', 'budget', 'digest']) refuse(root, noun, noun);
}
