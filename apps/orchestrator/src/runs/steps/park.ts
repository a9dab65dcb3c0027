import type { OpenTrail } from '@millwright/audit';
import type { Clock, RepoName, Run, Todo } from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { Logger } from 'pino';
import type { Deployments } from '../../releases/deployments.ts';
import type { Pager } from '../../releases/pager.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Forward } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { LocalLeases } from '../../streams/local-leases.ts';
import type { Register } from '../../streams/register.ts';
import type { Streams } from '../../streams/streams.ts';
import type { StepResult } from '../step.ts';
import { keepChange } from './close.ts';
import { discardRehearsed } from './rehearse.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  knownSecrets: KnownSecrets;
  log: Logger;
  modelKey: boolean | null;
  pager: Pager;
  register: Register;
  repositories: Repositories;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

/** Waits for a person, with everything that was made kept. What runs for a rehearsal is stopped meanwhile. */
export async function park(
  factory: Ports,
  run: Run,
  { cause, reason }: Extract<Todo, { do: 'park' }>,
): Promise<StepResult> {
  await discardRehearsed(factory, run);
  await keepChange(factory, run);
  // Somebody is called at once, and again while nobody comes.
  return { type: 'run.parked', data: { cause, reason, remindAt: factory.clock.now() } };
}

/** Calls somebody about a run that waits. That nobody could be called is recorded too. */
export async function remind(factory: Ports, run: Run): Promise<StepResult> {
  const now = factory.clock.now();
  const { result, reason } = await factory.pager({
    kind: 'run-waits',
    repo: run.repo,
    release: run.release?.release ?? null,
    why: `${run.id} waits: ${run.parked?.reason ?? ''}`,
    what: `see why ${run.id} waits`,
    acts: [{ act: 'explain-run', id: run.id }],
    at: now,
  });
  return {
    type: 'run.reminded',
    data: { result, remindAt: now + factory.settings.remindMs, reason: reason.slice(0, 4_000) },
  };
}
