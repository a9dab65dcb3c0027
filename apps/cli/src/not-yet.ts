import type { Command } from 'commander';
import { usage } from './fail.ts';

const LATER = ['rehearse'];

/** Commands of later versions, as README's status has them: refused with a message, in no help, so that nothing is pretended. */
export function notYet(root: Command): void {
  const there = new Set(root.commands.map((command) => command.name()));
  for (const noun of LATER.filter((one) => !there.has(one)))
    root
      .command(`${noun} [words...]`, { hidden: true })
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .action(() => {
        throw usage(
          `\`millwright ${noun}\` is not in this version yet`,
          'see the status table in README.md for what is there',
        );
      });
}
