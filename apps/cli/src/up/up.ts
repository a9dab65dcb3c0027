import { setFlagsFromString } from 'node:v8';
import { BASE } from '@millwright/api';
import { DEFAULT_PORT, dataFolder, type GlobalOptions } from '../connection.ts';
import { failed, usage } from '../fail.ts';
import { duration } from '../text/format.ts';
import { lookOf } from '../text/look.ts';
import { parseWhole } from '../text/parse.ts';
import { hasModelKey, providerProblem } from './environment.ts';
import { type Factory, startFactory } from './factory.ts';

type Options = GlobalOptions & Record<string, string | boolean | undefined>;

/** Ctrl-C or SIGTERM: resolves at the first; at the second, `hurry` is called. */
function asked(hurry: () => void): Promise<string> {
  return new Promise((resolve) => {
    let first = true;
    const on = (signal: NodeJS.Signals) => {
      if (first) resolve(signal);
      else hurry();
      first = false;
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, on);
    // Started by another program with a channel (the demo): when that is gone, so are we.
    process.once('disconnect', () => on('SIGTERM'));
    process.channel?.unref();
  });
}

/** Starts the factory and stays until it is asked to stop (then 0) or cannot go on (then 1). */
export async function up(options: Options): Promise<void> {
  // The supervisor itself does next to nothing and should weigh so.
  setFlagsFromString('--max-semi-space-size=1');
  const { colour, symbol } = lookOf(process.stderr, process.env);
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const data = dataFolder(options, process.env);
  const port =
    options.port === undefined ? DEFAULT_PORT : parseWhole(String(options.port), '--port', 0, 65_535);
  if (options.recorded !== undefined && options.byHand !== undefined)
    throw usage('--recorded and --by-hand are two ways to answer for Claude: give one');
  const folder = options.byHand ?? options.recorded;
  const recorded = typeof folder === 'string' ? { folder, byHand: options.byHand !== undefined } : null;
  const wrong = recorded === null ? providerProblem(process.env) : null;
  if (wrong !== null)
    throw usage(wrong, 'set another, or unset it for Anthropic; then start again: npm start');
  if (recorded === null && !hasModelKey(process.env))
    say(
      `${colour.yellow('!')} ANTHROPIC_API_KEY is not set: the factory starts, but every stage that asks a model will fail.\n  Stop, set it and start again; or see the demo without a key: npm run demo`,
    );

  let end: (message: string) => void = () => undefined;
  const broken = new Promise<string>((resolve) => {
    end = resolve;
  });
  const hurry = new AbortController();
  const signalled = asked(() => hurry.abort());
  let stopEarly = false;
  void signalled.then(() => {
    stopEarly = true;
  });
  say(`Millwright ${colour.dim(`on ${data}`)}`);
  const factory: Factory = await startFactory({
    data,
    port,
    recorded,
    env: process.env,
    step: (name, said, ms) => {
      say(`  ${colour.green(symbol.done)} ${name.padEnd(13)} ${colour.dim(`${said}  ${duration(ms)}`)}`);
      if (stopEarly) throw failed('stopped', 'stopped while starting; nothing is left running');
    },
    restarting: ({ name, said }) => say(`  ${colour.yellow(symbol.again)} ${name} ${said}`),
    unasked: (found) => {
      for (const { roles, detail } of found)
        say(`  ${colour.red(symbol.failed)} no model can be asked for ${roles.join(', ')}: ${detail}`);
      say(`  ${colour.dim('nothing is begun until that is mended; see')} ./millwright doctor`);
    },
    gaveUp: (message) => end(message),
  });
  if (options.json === true)
    process.stdout.write(
      `${JSON.stringify({ url: factory.url, pid: process.pid, factory: factory.id, data })}\n`,
    );
  else
    process.stdout.write(
      `\n  Console  ${colour.bold(factory.url)}    ${colour.dim(`sign in with the token in ${data}/token`)}\n  API      ${factory.url}${BASE}\n\n`,
    );
  if (options.json !== true)
    say(`  ${colour.dim('next:')} ./millwright repo add PATH    ${colour.dim(`${symbol.dot} Ctrl-C stops`)}`);

  const why = await Promise.race([signalled.then(() => null), broken]);
  say(
    why === null
      ? `\nStopping ${colour.dim('(Ctrl-C again to hurry)')}`
      : `\n${colour.red(symbol.failed)} ${why}\nStopping`,
  );
  await factory.stop(hurry.signal);
  say(
    'Stopped; nothing is left running but what is released. A canary under way has no traffic, and begins anew with the next start.',
  );
  if (why !== null)
    throw failed('gave_up', 'the factory could not go on and was stopped', {
      kept: `everything on the trail, in ${data}`,
      next: 'read the log named above, then start again: npm start',
    });
}
