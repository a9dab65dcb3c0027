import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Client, clientOf } from '../client.ts';
import { findFactory } from '../connection.ts';
import { failed, messageOf, usage } from '../fail.ts';
import { ROOT } from '../up/root.ts';

// A configuration that cases are run with, and the factory of its own that it gets.

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;

const SETTING = /^(MILLWRIGHT|ANTHROPIC|AWS|CLOUD)_[A-Z0-9_]+$/;

const ConfigurationFile = z.strictObject({
  /** As the file is called, where it is not given. */
  name: z.string().regex(NAME, 'a name has letters, digits, dots and hyphens, 40 at most').optional(),
  /** Models, efforts, limits: what `millwright up` reads. Keys come from the shell. */
  env: z.record(z.string(), z.coerce.string()).superRefine((env, said) => {
    for (const name of Object.keys(env).filter((one) => !SETTING.test(one)))
      said.addIssue({ code: 'custom', path: [name], message: `${name} is no setting of a factory` });
  }),
  /** Conversations of the recorded model instead of a model; from where the file is. */
  recorded: z.string().optional(),
});

export type Configuration = { name: string; env: Record<string, string>; recorded: string | null };

export function readConfiguration(file: string): Configuration {
  const next = 'docs/eval.md says what a configuration is';
  let said: unknown;
  try {
    said = parse(readFileSync(file, 'utf8'), { maxAliasCount: 0 });
  } catch (error) {
    throw usage(`${file} cannot be read: ${messageOf(error).split('\n')[0]}`, next);
  }
  const parsed = ConfigurationFile.safeParse(said);
  if (!parsed.success) throw usage(`${file}: ${z.prettifyError(parsed.error)}`, next);
  const { name = basename(file, extname(file)), env, recorded } = parsed.data;
  if (!NAME.test(name)) throw usage(`${file}: "${name}" cannot name a configuration`, next);
  return { name, env, recorded: recorded === undefined ? null : resolve(dirname(file), recorded) };
}

const Started = z.object({ url: z.string() });

/**
 * `use`, with a factory of this configuration's own on `data`, which is stopped afterwards. It goes on where one was killed; should this
 * process be, its factory ends with it.
 */
export async function withFactory<T>(
  { name, env, recorded }: Configuration,
  data: string,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const args = [join(ROOT, 'apps/cli/src/main.ts'), 'up', '--json', '--port', '0', '--data', data];
  const up = spawn(
    process.execPath,
    [...args, ...(recorded === null ? [] : ['--recorded', recorded])],
    // The channel is what tells it that we are gone.
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  );
  let said = '';
  up.stderr?.on('data', (part) => {
    said = `${said}${part}`.slice(-2_000);
  });
  const ended = new Promise<void>((done) => up.once('close', () => done()));
  try {
    const line = await Promise.race([
      new Promise<string>((done) => up.stdout && createInterface(up.stdout).once('line', done)),
      ended.then(() => null),
    ]);
    if (line === null)
      throw failed('eval_factory', `the factory of configuration ${name} did not start: ${said.trim()}`, {
        kept: `its results so far, and its trail in ${data}`,
        next: 'mend that, then run the same command again: it goes on where it was',
      });
    const client = clientOf(findFactory({ url: Started.parse(JSON.parse(line)).url, data }, {}));
    try {
      return await use(client);
    } finally {
      client.close();
    }
  } finally {
    up.kill('SIGTERM');
    await ended;
  }
}
