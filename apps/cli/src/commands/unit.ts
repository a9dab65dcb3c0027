import { UnitName } from '@millwright/domain';
import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { unitList, unitShow } from '../views/setup.ts';
import { readStdin, readText } from './stdin.ts';

type Options = Record<string, string | boolean | undefined>;

/** The unit that an argument names; what cannot be one's name is said before anything is asked. */
export function unitOf(given: string | boolean | undefined): UnitName {
  const name = UnitName.safeParse(given);
  if (!name.success) throw usage(`${name.error.issues[0]?.message}; it was given "${String(given)}"`);
  return name.data;
}

export async function add(context: Context, [name = '']: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('addUnit', {
    body: { name: unitOf(name), reason: String(options.reason) },
  });
  show(context, raw, () => [
    `Unit ${value.name} is there, with no repository yet.`,
    `${context.look.colour.dim('next:')} ./millwright repo move NAME --unit ${value.name} --reason "…"`,
  ]);
}

export async function list(context: Context): Promise<void> {
  const { raw, value } = await context.client.all('listUnits', {});
  show(context, raw, () => unitList(context.look, value));
}

export async function showUnit(context: Context, [unit = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('showUnit', { params: { unit } });
  show(context, raw, () => unitShow(context.look, value));
}

/** More is refused by the factory, which counts characters. */
const MAX_POLICY_BYTES = 131_072;

export async function setPolicy(
  context: Context,
  [unit = '', path = '']: string[],
  options: Options,
): Promise<void> {
  const policy =
    path === '-'
      ? await readStdin(MAX_POLICY_BYTES, 'a policy')
      : readText(path, {
          ...{ maxBytes: MAX_POLICY_BYTES, what: 'a policy' },
          else: `./millwright unit policy set ${unit} - --reason "…"`,
        });
  await tellPolicy(context, unit, policy, options);
}

export const removePolicy = (context: Context, [unit = '']: string[], options: Options): Promise<void> =>
  tellPolicy(context, unit, null, options);

async function tellPolicy(
  context: Context,
  unit: string,
  policy: string | null,
  options: Options,
): Promise<void> {
  const { raw, value } = await context.client.call('setUnitPolicy', {
    params: { unit },
    body: { policy, reason: String(options.reason) },
  });
  const what =
    policy === null ? 'has no policy of its own any more' : 'is judged by this policy too, from now on';
  show(context, raw, () => [`Unit ${value.name} ${what}.`]);
}
