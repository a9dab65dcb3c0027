import { createInterface } from 'node:readline/promises';
import type { RollbackStatus } from '@millwright/api';
import { type Context, show } from '../context.ts';
import { Fail, failed, usage } from '../fail.ts';
import { duration } from '../text/format.ts';
import { oneLine } from '../text/plain.ts';
import { rollbackOffers, rollbackPlan, rollbackStatus } from '../views/rollback.ts';
import { agreed } from './agreed.ts';
import { rollbackOffline } from './rollback-offline.ts';

type Options = Record<string, string | boolean | undefined>;

/** The state of the repository in question, where neither a release nor `--repo` says which: the only one that has something live. */
async function onlyOne(context: Context, repo: string | undefined): Promise<RollbackStatus> {
  const { value } = await context.client.all('listTargets', { query: { repo } });
  const live = value.filter((one) => one.live !== null || underWay(one));
  const [only] = live;
  if (only === undefined)
    throw failed('nothing_live', 'nothing is live, so there is nothing to roll back', {
      next: 'see: ./millwright release list',
    });
  if (live.length > 1)
    throw usage(
      `${live.length} repositories have a live release: ${live.map((one) => one.repo).join(', ')}`,
      'name one: --repo NAME',
    );
  return only;
}

/** A canary has traffic or is about to: a rollback takes it back, and there is nothing to pick. */
const underWay = ({ canary }: RollbackStatus): boolean => canary !== null && canary.held === null;

/** One line from the terminal. Ctrl-C and Ctrl-D are a no: nothing was changed by then. */
async function ask(question: string): Promise<string> {
  const line = createInterface({ input: process.stdin, output: process.stderr });
  const left = new Promise<null>((resolve) => line.once('close', () => resolve(null)));
  try {
    const answer = await Promise.race([line.question(question), left]);
    if (answer !== null) return answer.trim();
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
  } finally {
    line.close();
  }
  process.stderr.write('\n');
  throw failed('not_agreed', 'not rolled back: nothing was changed');
}

/** A person at a terminal picks of the last five; Enter takes the first, the previous good one. */
async function picked(context: Context, status: RollbackStatus): Promise<string> {
  const [first] = status.candidates;
  if (first === undefined)
    throw failed('nothing_to_roll_back', `${status.repo} has had no release before ${status.live?.release}`, {
      next: 'see: ./millwright release list',
    });
  context.note(...rollbackOffers(context.noteLook, status, context.now()));
  const answer = await ask(`Which one? [1] `);
  const chosen = answer === '' ? first : status.candidates[Number(answer) - 1];
  if (chosen === undefined)
    throw failed('not_agreed', `there is no ${answer} to choose: nothing was changed`);
  return chosen.release;
}

export async function rollback(context: Context, [release]: string[], options: Options): Promise<void> {
  const dryRun = options.dryRun === true;
  const asks = !dryRun && options.yes !== true;
  if (asks && !process.stdin.isTTY)
    throw usage(
      'a rollback without a terminal wants --yes',
      'see first what it would do: ./millwright rollback --dry-run',
    );
  if (options.offline === true) return rollbackOffline(context, release, options, ask);
  try {
    await online(context, release, options, { dryRun, asks });
  } catch (error) {
    throw error instanceof Fail && error.problem.code === 'unreachable' ? withoutFactory(error) : error;
  }
}

/** At night the factory itself may be what is down. */
const withoutFactory = ({ problem }: Fail): Fail =>
  new Fail({
    ...problem,
    kept: 'what is deployed goes on serving',
    next: `${problem.next ?? ''}; or, on the factory's machine, go back without it: ./millwright rollback --offline`,
  });

async function online(
  context: Context,
  release: string | undefined,
  options: Options,
  { dryRun, asks }: { dryRun: boolean; asks: boolean },
): Promise<void> {
  const repo = typeof options.repo === 'string' ? options.repo : undefined;
  const status = release === undefined ? await onlyOne(context, repo) : null;
  const to = status !== null && asks && !underWay(status) ? await picked(context, status) : release;
  // Two who see the same and say so at once go back once.
  const from = status === null ? undefined : underWay(status) ? status.canary?.release : status.live?.release;
  const body = {
    ...(to === undefined ? { repo: status?.repo, ...(from === undefined ? {} : { from }) } : { release: to }),
    ...(options.reason === undefined ? {} : { reason: String(options.reason) }),
  };
  if (dryRun || asks) {
    const { raw, value } = await context.client.call('rollBack', { body: { ...body, dryRun: true } });
    if (!(await agreed(context, { raw, view: value }, dryRun, ask))) return;
  }
  const { raw, value } = await context.client.call('rollBack', { body: { ...body, dryRun: false } });
  show(context, raw, () => [
    ...rollbackPlan(context.look, value),
    value.done ? `Done in ${duration(value.ms)}.` : 'Not done.',
  ]);
  if (!value.done)
    throw failed('rollback_undone', oneLine(value.text), { next: './millwright rollback status' });
}

export async function status(context: Context, _args: string[], options: Options): Promise<void> {
  const repo = typeof options.repo === 'string' ? options.repo : undefined;
  const { raw, value } = await context.client.all('listTargets', { query: { repo } });
  show(context, raw, () => rollbackStatus(context.look, value, context.now()));
}
