import { nextOf } from '../acts.ts';
import { type Context, show } from '../context.ts';
import { Fail, failed } from '../fail.ts';
import { exitWith } from '../finish.ts';
import { parseDuration } from '../text/parse.ts';
import { oneLine } from '../text/plain.ts';

type Options = Record<string, string | boolean | undefined>;

const LOOK_MS = 500;

/** Asks for it, then follows the deploy to its end: 0 when it serves, 5 denied, 6 rolled back, 8 when others must ask too. */
export async function undo(context: Context, _args: string[], options: Options): Promise<void> {
  const body = options.repo === undefined ? {} : { repo: String(options.repo) };
  const { raw, value } = await context.client.call('undoRollback', { body });
  const { repo, release, reason } = value;
  switch (value.state) {
    case 'denied':
      throw new Fail({
        code: 'undo_denied',
        message: `${release} does not go out again: ${oneLine(reason)}`,
        next: nextOf({ acts: value.acts }) ?? `./millwright rollback status --repo ${repo}`,
        exitCode: 5,
      });
    case 'waits':
      show(context, raw, () => [oneLine(reason)]);
      throw new Fail({
        code: 'undo_waits',
        message: `${release} waits for ${value.needs === 1 ? 'an approver' : `${value.needs} approvers`}`,
        kept: 'that you asked is recorded',
        next: `each of them, with a token of their own: ./millwright rollback undo --repo ${repo}`,
        exitCode: 8,
      });
    case 'started':
      if (options.wait === false) {
        exitWith(8);
        return show(context, raw, () => [
          `${release} is on its way.`,
          `${context.look.colour.dim('next:')} ./millwright rollback status --repo ${repo}`,
        ]);
      }
      context.note(`${release} is on its way: ${oneLine(reason)}`);
      return follow(
        context,
        repo,
        release,
        options.timeout === undefined
          ? Number.POSITIVE_INFINITY
          : context.now() + parseDuration(String(options.timeout), '--timeout'),
      );
  }
}

async function follow(context: Context, repo: string, release: string, until: number): Promise<void> {
  for (;;) {
    const { raw, value } = await context.client.all('listTargets', { query: { repo } });
    const undo = value[0]?.undo;
    const text = oneLine(undo?.text.split('\n')[0] ?? '');
    switch (undo?.state) {
      case 'promoted':
        return show(context, raw, () => [`${release} serves ${repo} again. ${text}`]);
      case 'rolled_back':
        throw new Fail({
          code: 'rolled_back',
          message: `${release} was rolled back again: ${text}`,
          next: `./millwright rollback status --repo ${repo}`,
          exitCode: 6,
        });
      case 'failed':
        throw failed('undo_failed', `${release} was not deployed: ${text}`, {
          next: `./millwright rollback status --repo ${repo}`,
        });
    }
    if (context.now() > until)
      throw new Fail({
        code: 'still_pending',
        message: `${release} is still on its way`,
        next: `./millwright rollback status --repo ${repo}`,
        exitCode: 8,
      });
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
