import { EnrolledPerson, PersonRole, PersonView } from '@millwright/domain';
import { z } from 'zod';
import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { oneLine } from '../text/plain.ts';
import { personList } from '../views/setup.ts';

type Options = Record<string, string | boolean | undefined>;

export async function enrol(context: Context, [name = '']: string[], options: Options): Promise<void> {
  const roles = String(options.roles ?? '')
    .split(',')
    .map((role) => role.trim());
  for (const role of roles)
    if (!PersonRole.safeParse(role).success)
      throw usage(
        `there is no role "${role}"`,
        `--roles takes ${PersonRole.options.join(', ')}, with commas between`,
      );
  const { raw, value } = await context.client.post('/people', EnrolledPerson, {
    name,
    roles: [...new Set(roles)],
  });
  // The token alone is data: `TOKEN=$(millwright person enrol Ada --roles approver)` works.
  if (!context.json)
    context.note(
      `${oneLine(value.name)} is enrolled as ${value.id} (${value.roles.join(', ')}). The token is shown once, here; the factory keeps a hash of it.`,
    );
  show(context, raw, () => [value.token]);
}

export async function erase(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const { raw } = await context.client.post(`/people/${encodeURIComponent(id)}/erasure`, z.unknown(), {
    reason: options.reason,
  });
  show(context, raw, () => [
    `The name behind ${id} is gone, and their token opens nothing. What they did stays, under the id.`,
  ]);
}

export async function list(context: Context): Promise<void> {
  const { raw, value } = await context.client.get('/people', z.array(PersonView));
  show(context, raw, () => personList(context.look, value));
}
