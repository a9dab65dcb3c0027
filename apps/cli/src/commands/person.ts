import type { Invitation } from '@millwright/api';
import { grantsText, nameOfScope, PersonRole, type RoleScope } from '@millwright/domain';
import type { z } from 'zod';
import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { oneLine } from '../text/plain.ts';
import { personList, personShow } from '../views/setup.ts';
import { unitOf } from './unit.ts';

type Options = Record<string, string | boolean | undefined>;

/** Where roles are had: in the factory, where neither a unit nor a repository is named. */
function scopeOf({ unit, repo }: Options): RoleScope {
  if (unit !== undefined && repo !== undefined) throw usage('name one of --unit and --repo');
  if (unit !== undefined) return { kind: 'unit', unit: unitOf(unit) };
  return repo === undefined ? { kind: 'factory' } : { kind: 'repo', repo: String(repo) as never };
}

function roleOf(given: string, what: string): PersonRole {
  const role = PersonRole.safeParse(given.trim());
  if (role.success) return role.data;
  throw usage(`there is no role "${given.trim()}"`, `${what} ${PersonRole.options.join(', ')}`);
}

export async function invite(context: Context, [name = '']: string[], options: Options): Promise<void> {
  const roles = String(options.roles ?? '')
    .split(',')
    .map((given) => roleOf(given, '--roles takes, with commas between,'));
  const { raw, value } = await context.client.call('invite', {
    body: { name, roles: [...new Set(roles)], scope: scopeOf(options) },
  });
  noteCode(context, `${oneLine(value.name)} is invited as ${value.id} (${grantsText(value.grants)}).`, value);
  // The code alone is data: `CODE=$(millwright person invite Ada --roles approver)` works.
  show(context, raw, () => [value.code]);
}

export async function accept(context: Context, [code = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('accept', { body: { code } });
  noteToken(context, `You are ${oneLine(value.name)} here, ${value.id} (${grantsText(value.grants)}).`);
  show(context, raw, () => [value.token]);
}

const granting =
  (route: 'grantRole' | 'revokeRole') =>
  async (context: Context, [id = '', given = '']: string[], options: Options): Promise<void> => {
    const role = roleOf(given, 'there are:');
    const scope = scopeOf(options);
    const { raw, value } = await context.client.call(route, {
      params: { id },
      body: { role, scope, reason: String(options.reason) },
    });
    const of = `${role} of ${nameOfScope(scope)}`;
    const what =
      route === 'grantRole'
        ? `is ${of} now`
        : `is not ${of} any more; a yes of theirs that it allowed does not count`;
    show(context, raw, () => [`${oneLine(value.name)} ${what}.`, ...personShow(context.look, value)]);
  };
export const grant = granting('grantRole');
export const revoke = granting('revokeRole');

export async function rotate(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('rotate', { params: { id }, body: {} });
  const over = `The former token of ${oneLine(value.name)} opens nothing any more.`;
  if (value.kind === 'own') noteToken(context, over);
  else noteCode(context, over, value);
  show(context, raw, () => [value.kind === 'own' ? value.token : value.code]);
}

const noteToken = (context: Context, what: string): void => {
  if (!context.json)
    context.note(
      `${what} The token is shown once, here; the factory keeps a hash of it. To use it: export MILLWRIGHT_TOKEN=…`,
    );
};
const noteCode = (context: Context, what: string, { name, expiresAt }: z.infer<typeof Invitation>): void => {
  if (!context.json)
    context.note(
      `${what} Give ${oneLine(name)} this code: it is used once, until ${new Date(expiresAt).toISOString()}, and gives the token to who uses it:`,
      `  ./millwright person accept CODE --url ${context.client.url}`,
    );
};

export async function erase(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const { raw } = await context.client.call('erasePerson', {
    params: { id },
    body: { reason: String(options.reason) },
  });
  show(context, raw, () => [
    `The name behind ${id} is gone, and their token opens nothing. What they did stays, under the id.`,
  ]);
}

export async function list(context: Context): Promise<void> {
  const { raw, value } = await context.client.all('listPeople', {});
  show(context, raw, () => personList(context.look, value));
}

export async function showPerson(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('showPerson', { params: { id } });
  show(context, raw, () => personShow(context.look, value));
}

const account =
  (route: 'linkAccount' | 'unlinkAccount', said: string) =>
  async (context: Context, [id = '']: string[], options: Options): Promise<void> => {
    const { raw, value } = await context.client.call(route, {
      params: { id },
      body: { repo: String(options.repo), account: String(options.account), reason: String(options.reason) },
    });
    show(context, raw, () => [`${String(options.account)} ${said} ${value.name}.`]);
  };

export const link = account('linkAccount', 'is the account of');
export const unlink = account('unlinkAccount', 'is no more the account of');
