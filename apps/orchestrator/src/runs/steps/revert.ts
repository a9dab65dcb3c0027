import { DriveError, type Run, terminal } from '@millwright/domain';
import type { Factory } from '../../factory.ts';
import { revertMerge } from '../../source-control/revert.ts';
import type { Journal, StepResult } from '../step.ts';

/** Takes the run's merge back by a new commit. Waits for no gate and no halt: going back is never harder than going forward. */
export async function revert(factory: Factory, run: Run, journal: Journal): Promise<StepResult> {
  if (run.merge?.kind !== 'finished')
    throw terminal('step-without-input', 'nothing was merged that could be reverted');
  const { commit } = run.merge;
  if (run.revert === null) await journal({ type: 'revert.started', data: { commit } });
  const done = await revertMerge(factory, run.repo, commit, `Millwright-Run: ${run.id}`).catch(
    (error: unknown) => {
      if (error instanceof DriveError && error.disposition === 'terminal')
        return { commit: null, ref: '', reason: `${error.message}: revert ${commit} by hand` };
      throw error;
    },
  );
  return { type: 'revert.finished', data: done };
}
