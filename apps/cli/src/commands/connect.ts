import { type Context, show } from '../context.ts';
import { connectionList, rightList } from '../views/setup.ts';
import { fromStdin } from './repo.ts';

type Options = Record<string, string | boolean | undefined>;

export async function github(context: Context, _: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('connectRepo', {
    params: { repo: String(options.repo) },
    body: {
      kind: 'github',
      project: String(options.project),
      label: String(options.label),
      api: String(options.api),
      token: await fromStdin(context, 'the token'),
    },
  });
  show(context, raw, () => [
    `${value.repo} is connected to ${value.project}: an open issue with the label ${value.label} is a ticket.`,
    '',
    ...rightList(context.look, value.rights),
    '',
    'To be told at once rather than at the next look, add a webhook there for "Issues" and "Pull requests":',
    `  address  ${value.deliveries.path}, below this factory's own, content type application/json`,
    `  secret   ${value.deliveries.secret}   (shown once)`,
  ]);
}

export async function list(context: Context): Promise<void> {
  const { raw, value } = await context.client.all('listConnections', {});
  show(context, raw, () => connectionList(context.look, value, context.now()));
}

export async function check(context: Context, [repo = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('checkConnection', { params: { repo } });
  show(context, raw, () => [
    ...connectionList(context.look, [value], context.now()),
    '',
    ...rightList(context.look, value.rights),
  ]);
  if (value.rights.some(({ has }) => has === 'no')) process.exitCode = 1;
}

export async function remove(context: Context, [repo = '']: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('disconnectRepo', {
    params: { repo },
    body: { reason: String(options.reason) },
  });
  show(context, raw, () => [`${value.name} is connected to nowhere from now on; what was told there stays.`]);
}
