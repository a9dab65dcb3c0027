import { STEP_NAMES } from '@millwright/api';
import type { RepoName, RoleScope } from '@millwright/domain';
import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { parseDuration, parseWhole } from '../text/parse.ts';
import { autonomyList } from '../views/autonomy.ts';
import { attestedLines, criteriaLines, ladderReport } from '../views/ladder.ts';
import { parseKind } from './kind.ts';
import { unitOf } from './unit.ts';

type Options = Record<string, string | boolean | undefined>;

export async function showAutonomy(context: Context, _args: string[], options: Options): Promise<void> {
  const { value } = await context.client.all('listRepos', {});
  const chosen = value.filter((repo) => options.repo === undefined || repo.name === options.repo);
  if (chosen.length === 0 && options.repo !== undefined)
    throw usage(`there is no repository "${options.repo}"`, 'see: ./millwright repo list');
  const { value: ladder } = await context.client.call('showLadder', { query: repoOf(options) });
  const places = chosen.flatMap(({ name }) => ladder.places.find(({ repo }) => repo === name) ?? []);
  const steps = chosen.map(({ name, step, demoted }) => {
    const { next = null, criteria = [] } = places.find(({ repo }) => repo === name) ?? {};
    return { ...{ repo: name, step, name: STEP_NAMES[step] ?? null }, demoted, next, criteria };
  });
  show(context, steps, () => [
    ...autonomyList(context.look, chosen, context.now()),
    ...places.flatMap((place) => criteriaLines(context.look, place)),
  ]);
}

const repoOf = ({ repo }: Options): { repo?: string } => (typeof repo === 'string' ? { repo } : {});

/** The whole ladder, as Markdown. */
export async function reportLadder(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('showLadder', { query: repoOf(options) });
  show(context, raw, () => ladderReport(value));
}

export async function attest(context: Context, [criterion = '']: string[], options: Options): Promise<void> {
  const { unit, repo } = options;
  if (unit !== undefined && repo !== undefined) throw usage('name one of --unit and --repo');
  const evidence = String(options.evidence).trim();
  if (evidence === '') throw usage('--evidence takes what shows it: a document, a ticket, figures');
  const scope: RoleScope =
    unit !== undefined
      ? { kind: 'unit', unit: unitOf(unit) }
      : repo === undefined
        ? { kind: 'factory' }
        : { kind: 'repo', repo: String(repo) as RepoName };
  const until = context.now() + parseDuration(String(options.for), '--for');
  const { raw, value } = await context.client.call('attest', {
    body: { scope, criterion, evidence, until, holds: options.not !== true },
  });
  show(context, raw, () => attestedLines(value));
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
    `${what} at step ${step} now: ${STEP_NAMES[step] ?? ''}.`,
    ...(ceiling === null || step <= ceiling
      ? []
      : [
          `Its millwright.yaml allows ${ceiling} at most (autonomy: ${ceiling}), so ${ceiling} is the step that counts until that line is changed on its branch.`,
        ]),
    ...(lower.length === 0 ? [] : [`Lower by what was rolled back or set: ${lower.join(', ')}.`]),
  ]);
}
