import type { Command } from 'commander';
import type { Options } from '../connection.ts';
import type { Context } from '../context.ts';

// What every command is made of.

export const common = (command: Command): Command =>
  command
    .option('--json', 'one JSON document (an object a line when it follows)')
    .option('--url <url>', "the factory's address (else MILLWRIGHT_URL, else what `up` wrote)")
    .option('--data <dir>', "the factory's data folder (else MILLWRIGHT_DATA, else ./.millwright)")
    .option('--token <token>', "a person's token (else MILLWRIGHT_TOKEN, else the data folder's)");

export const leaf = (parent: Command, spec: string, summary: string): Command =>
  common(parent.command(spec)).description(summary).allowExcessArguments(false);

export const noun = (parent: Command, name: string, summary: string): Command =>
  parent.command(name).description(summary).helpCommand(false);

type Handler = (context: Context, args: string[], options: Options) => Promise<void>;

/** Attaches a handler that is imported when it is needed. Arguments arrive as strings; a missing optional one is left out. */
export function does(command: Command, load: () => Promise<Handler>): void {
  command.action(async () => {
    const options = command.optsWithGlobals<Options>();
    const [handler, { contextOf }] = await Promise.all([load(), import('../context.ts')]);
    await handler(
      contextOf(options),
      command.processedArgs.filter((value) => typeof value === 'string'),
      options,
    );
  });
}
