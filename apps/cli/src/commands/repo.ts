import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { STEP_NAMES } from '@millwright/api';
import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { repoList } from '../views/setup.ts';
import { readStdin } from './stdin.ts';
import { unitOf } from './unit.ts';

type Options = Record<string, string | boolean | undefined>;

/** A path is made absolute here: the factory has another working folder. Everything else is judged by the factory. */
const addressOf = (given: string): string =>
  !given.includes('://') && existsSync(given) ? resolve(given) : given;

export async function fromStdin(context: Context, what: string): Promise<string> {
  if (process.stdin.isTTY)
    context.note(`Value of ${what} (ends with Ctrl-D; it shows as you type, so prefer a pipe):`);
  const value = (await readStdin(65_536, 'a secret')).replace(/\r?\n$/, '');
  if (value === '')
    throw usage(`the value of ${what} on stdin is empty`, 'pipe it in: printf %s "$VALUE" | ./millwright …');
  return value;
}

export async function add(context: Context, [given = '']: string[], options: Options): Promise<void> {
  if (options.deliver !== 'merge' && options.deliver !== 'branch')
    throw usage(`--deliver takes merge or branch; it was given "${options.deliver}"`);
  const { raw, value } = await context.client.call('addRepo', {
    body: {
      url: addressOf(given),
      branch: String(options.branch),
      deliver: options.deliver,
      ...(options.name === undefined ? {} : { name: String(options.name) }),
      ...(options.unit === undefined ? {} : { unit: unitOf(options.unit) }),
      ...(options.withToken === true ? { token: await fromStdin(context, 'the token') } : {}),
    },
  });
  show(context, raw, () => [
    ...repoList(context.look, [value]),
    '',
    `${context.look.colour.dim('next:')} ./millwright autonomy set 6 --repo ${value.name} --reason "…"   (now at step ${value.step}: ${STEP_NAMES[value.step] ?? ''})`,
  ]);
}

export async function list(context: Context): Promise<void> {
  const { raw, value } = await context.client.all('listRepos', {});
  show(context, raw, () => repoList(context.look, value));
}

export async function move(context: Context, [repo = '']: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('moveRepo', {
    params: { repo },
    body: { unit: unitOf(options.unit), reason: String(options.reason) },
  });
  show(context, raw, () => [`${value.name} is of unit ${value.unit} from now on.`]);
}

export async function setSecret(context: Context, [name = '']: string[], options: Options): Promise<void> {
  const value = await fromStdin(context, name);
  const { raw, value: set } = await context.client.call('setSecret', {
    params: { repo: String(options.repo) },
    body: { name, value },
  });
  show(context, raw, () => [
    `${name} is set for ${options.repo}; released containers that list it in deploy.secrets get it from the next release on.`,
    ...(set.lookedFor
      ? []
      : [
          'Its value is too short or too plain to be told from ordinary text: tickets and changes are not searched for it.',
        ]),
  ]);
}
