import type { ReadModelView } from '@millwright/api';
import { type Context, show } from '../context.ts';
import { Fail } from '../fail.ts';
import { exitWith } from '../finish.ts';
import { oneLine } from '../text/plain.ts';

const ASK_AGAIN_MS = 500;

function lines({ position, head, rebuilding, parked }: ReadModelView): string[] {
  const more =
    parked.length === 0 ? [] : ['These entries could not be taken. To try again: ./millwright views rebuild'];
  return [
    `What is listed has ${position} of ${head} entries.${rebuilding === null ? '' : ` A rebuild has come to ${rebuilding.position}.`}`,
    ...more,
    ...parked.map(
      (one) => `  ${one.position}${one.type === '' ? '' : ` (${one.type})`}: ${oneLine(one.reason)}`,
    ),
  ];
}

/** Exit code 1 where entries are missing from what is listed. */
export async function status(context: Context): Promise<void> {
  const { raw, value } = await context.client.call('showViews');
  show(context, raw, () => lines(value));
  exitWith(value.parked.length === 0 ? 0 : 1);
}

/** Waits for its end. Given up meanwhile, it goes on in the factory. */
export async function rebuild(context: Context): Promise<void> {
  let { raw, value } = await context.client.call('rebuildViews');
  while (value.rebuilding !== null) {
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    ({ raw, value } = await context.client.call('showViews'));
  }
  if (value.failed !== null)
    throw new Fail({
      code: 'views-failed',
      message: `what is listed could not be made anew: ${value.failed}`,
      kept: 'what is listed is as it was',
      next: './millwright doctor',
      exitCode: 1,
    });
  show(context, raw, () => ['Made anew from the trail.', ...lines(value)]);
  exitWith(value.parked.length === 0 ? 0 : 1);
}
