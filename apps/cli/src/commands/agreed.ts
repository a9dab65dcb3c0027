import type { RollbackView } from '@millwright/api';
import { type Context, show } from '../context.ts';
import { failed } from '../fail.ts';
import { rollbackPlan } from '../views/rollback.ts';

/** Shows what a rollback would change. Whether it is to be done: with `dryRun` showing was all; otherwise a person says so, or it fails. */
export async function agreed(
  context: Context,
  planned: { raw: unknown; view: RollbackView },
  dryRun: boolean,
  ask: (question: string) => Promise<string>,
): Promise<boolean> {
  const plan = (look: Context['look']) => rollbackPlan(look, planned.view);
  if (dryRun) {
    show(context, planned.raw, () => [...plan(context.look), 'Nothing was changed (--dry-run).']);
    return false;
  }
  context.note(...plan(context.noteLook));
  if (!/^y(es)?$/i.test(await ask('Roll back now? [y/N] ')))
    throw failed('not_agreed', 'not rolled back: nothing was changed');
  return true;
}
