import type { Run, Todo } from '@millwright/domain';
import type { Factory } from '../../factory.ts';
import type { StepResult } from '../step.ts';
import { keepChange } from './close.ts';
import { discardRehearsed } from './rehearse.ts';

/** Waits for a person, with everything that was made kept. What runs for a rehearsal is stopped meanwhile. */
export async function park(
  factory: Factory,
  run: Run,
  { cause, reason }: Extract<Todo, { do: 'park' }>,
): Promise<StepResult> {
  await discardRehearsed(factory, run);
  await keepChange(factory, run);
  // Somebody is called at once, and again while nobody comes.
  return { type: 'run.parked', data: { cause, reason, remindAt: factory.clock.now() } };
}

/** Calls somebody about a run that waits. That nobody could be called is recorded too. */
export async function remind(factory: Factory, run: Run): Promise<StepResult> {
  const now = factory.clock.now();
  const { result, reason } = await factory.pager({
    kind: 'run-waits',
    repo: run.repo,
    release: run.release?.release ?? null,
    why: `${run.id} waits: ${run.parked?.reason ?? ''}`,
    what: `./millwright run why ${run.id}`,
    at: now,
  });
  return {
    type: 'run.reminded',
    data: { result, remindAt: now + factory.settings.remindMs, reason: reason.slice(0, 4_000) },
  };
}
