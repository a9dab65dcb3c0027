import { createInterface } from 'node:readline/promises';
import { ReleaseView, RepoView, RollbackView } from '@millwright/domain';
import { z } from 'zod';
import { type Context, show } from '../context.ts';
import { failed, usage } from '../fail.ts';
import { duration } from '../text/format.ts';
import { oneLine } from '../text/plain.ts';
import { rollbackStatus } from '../views/release.ts';

type Options = Record<string, string | boolean | undefined>;

/** Which repository, where neither a release nor `--repo` says so: the only one that has something live. */
async function onlyRepo(context: Context): Promise<string> {
  const { value } = await context.client.get('/repos', z.array(RepoView));
  const live = value.filter((repo) => repo.live !== null);
  const [only] = live;
  if (only === undefined)
    throw failed('nothing_live', 'nothing is live, so there is nothing to roll back', {
      next: 'see: ./millwright release list',
    });
  if (live.length > 1)
    throw usage(
      `${live.length} repositories have a live release: ${live.map((repo) => repo.name).join(', ')}`,
      'name one: --repo NAME',
    );
  return only.name;
}

function planned(context: Context, view: RollbackView): string[] {
  const { colour, symbol } = context.look;
  return [
    `${colour.magenta(symbol.back)} ${view.repo}: ${view.from} ${symbol.arrow} ${colour.bold(view.to)}`,
    ...(view.text === '' ? [] : [`  ${oneLine(view.text)}`]),
    ...(view.revert === null ? [] : [`  ${colour.dim('revert')} ${view.revert}`]),
  ];
}

async function agreed(): Promise<boolean> {
  const line = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await line.question('Roll back now? [y/N] ')).trim());
  } finally {
    line.close();
  }
}

export async function rollback(context: Context, [release]: string[], options: Options): Promise<void> {
  const dryRun = options.dryRun === true;
  const asks = !dryRun && options.yes !== true;
  if (asks && !process.stdin.isTTY)
    throw usage(
      'a rollback without a terminal wants --yes',
      'see first what it would do: ./millwright rollback --dry-run',
    );
  const scope =
    release === undefined
      ? { repo: options.repo ?? (await onlyRepo(context)) }
      : { release, ...(options.repo === undefined ? {} : { repo: options.repo }) };
  const body = { ...scope, ...(options.reason === undefined ? {} : { reason: options.reason }) };
  if (dryRun || asks) {
    const { raw, value } = await context.client.post('/rollbacks', RollbackView, { ...body, dryRun: true });
    if (dryRun)
      return show(context, raw, () => [...planned(context, value), 'Nothing was changed (--dry-run).']);
    context.note(...planned(context, value));
    if (!(await agreed())) throw failed('not_agreed', 'not rolled back: nothing was changed');
  }
  const { raw, value } = await context.client.post('/rollbacks', RollbackView, { ...body, dryRun: false });
  show(context, raw, () => [
    ...planned(context, value),
    value.done ? `Done in ${duration(value.ms)}.` : 'Not done.',
  ]);
  if (!value.done)
    throw failed('rollback_undone', oneLine(value.text), { next: './millwright rollback status' });
}

export async function status(context: Context): Promise<void> {
  const [repos, releases] = await Promise.all([
    context.client.get('/repos', z.array(RepoView)),
    context.client.get('/releases', z.array(ReleaseView)),
  ]);
  show(context, { repos: repos.raw, releases: releases.raw }, () =>
    rollbackStatus(context.look, repos.value, releases.value, context.now()),
  );
}
