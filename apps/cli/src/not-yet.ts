import type { Command } from 'commander';
import { usage } from './fail.ts';

const LATER = [
  'policy',
  'digest',
  'eval',
  'connect',
  'rehearse',
  'blame',
  'ladder',
  'metrics',
  'backup',
  'restore',
];

/** CONTRACT.md's commands of later issues: refused with a message, in no help, so that nothing is pretended. */
export function notYet(root: Command): void {
  for (const noun of LATER)
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
