import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { parseWhole } from '../text/parse.ts';
import { autonomyList, STEPS } from '../views/autonomy.ts';
import { parseKind } from './kind.ts';

type Options = Record<string, string | boolean | undefined>;

export async function showAutonomy(context: Context, _args: string[], options: Options): Promise<void> {
  const { value } = await context.client.all('listRepos', {});
  const chosen = value.filter((repo) => options.repo === undefined || repo.name === options.repo);
  if (chosen.length === 0 && options.repo !== undefined)
    throw usage(`there is no repository "${options.repo}"`, 'see: ./millwright repo list');
  const steps = chosen.map(({ name, step, demoted }) => ({
    ...{ repo: name, step, name: STEPS[step] ?? null },
    demoted,
  }));
  show(context, steps, () => autonomyList(context.look, chosen, context.now()));
}

export async function setAutonomy(context: Context, [given = '']: string[], options: Options): Promise<void> {
  const step = parseWhole(given, 'STEP', 0, 7);
  const { kind } = parseKind(options.kind);
  const { raw, value } = await context.client.call('setStep', {
    params: { repo: String(options.repo) },
    body: { step, reason: String(options.reason), ...(kind === undefined ? {} : { kind }) },
  });
  const what = kind === undefined ? `${options.repo} is` : `${kind} changes of ${options.repo} are`;
  const lower = value.demoted.filter((one) => one.kind !== kind).map((one) => `${one.kind} at ${one.step}`);
  const { ceiling } = value;
  show(context, raw, () => [
    `${what} at step ${step} now: ${STEPS[step] ?? ''}.`,
    ...(ceiling === null || step <= ceiling
      ? []
      : [
          `Its millwright.yaml allows ${ceiling} at most (autonomy: ${ceiling}), so ${ceiling} is the step that counts until that line is changed on its branch.`,
        ]),
    ...(lower.length === 0 ? [] : [`Lower by what was rolled back or set: ${lower.join(', ')}.`]),
  ]);
}
