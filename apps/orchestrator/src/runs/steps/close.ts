import type { OpenTrail } from '@millwright/audit';
import type { Clock, RepoName } from '@millwright/domain';
import { DriveError, type EntryOf, type Run, streamOf, type Todo } from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { Logger } from 'pino';
import type { Deployments } from '../../releases/deployments.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Forward } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { LocalLeases } from '../../streams/local-leases.ts';
import type { Register } from '../../streams/register.ts';
import type { Streams } from '../../streams/streams.ts';
import type { StepResult } from '../step.ts';
import { discardRehearsed } from './rehearse.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  knownSecrets: KnownSecrets;
  log: Logger;
  modelKey: boolean | null;
  register: Register;
  repositories: Repositories;
  secrets: Secrets;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

/** Where a person finds the change of a run that was not merged (see `keptRef`); `run retry` goes on from it. */
const keptAt = (run: Run) => `refs/millwright/runs/${run.id}` as const;

/** Names what the run made, so that it is not collected. */
export async function keepChange(factory: Pick<Ports, 'repositories'>, run: Run): Promise<void> {
  const made = run.change?.commit ?? (run.head.commit === run.base.commit ? null : run.head.commit);
  if (made === null) return;
  const repo = await factory.repositories.open(run.repo);
  await repo.name(keptAt(run), made);
}

/** What passes is tried again; a run whose copy of the repository is broken for good still comes to its end, which says so. */
function notKept(error: unknown): string {
  if (!(error instanceof DriveError) || error.disposition !== 'terminal') throw error;
  return `; what it made could not be kept: ${error.message.slice(0, 900)}`;
}

/** The closing entry lists the last version of each of the run's streams, itself included, so that an omission shows. */
export async function close(
  factory: Ports,
  run: Run,
  version: number,
  step: Extract<Todo, { do: 'close' }>,
): Promise<StepResult> {
  await discardRehearsed(factory, run);
  const lost = await keepChange(factory, run).then(() => '', notKept);
  const streams: Record<string, number> = { [streamOf.run(run.id)]: version + 1 };
  for (const stage of run.stages) {
    const recorded = await factory.trail.read(streamOf.attempt(stage.attempt));
    streams[streamOf.attempt(stage.attempt)] = recorded.at(-1)?.envelope.version ?? 0;
  }
  const data: EntryOf<'run.closed'>['data'] = {
    end: step.end,
    reason: `${step.reason.slice(0, 3_000)}${lost}`,
    streams,
    ...(await slicesOf(factory, run)),
    usage: run.usage,
  };
  return { type: 'run.closed', data };
}

/** What its target says of its release: shifts of traffic, verdicts, and that it serves. */
async function slicesOf(
  { trail }: Ports,
  { release, repo }: Run,
): Promise<Pick<EntryOf<'run.closed'>['data'], 'slices'>> {
  if (release === null) return {};
  const stream = streamOf.target(repo);
  const mine = (await trail.read(stream))
    .filter(({ entry }) => 'release' in entry.data && entry.data.release === release.release)
    .map(({ envelope }) => envelope.version);
  const [from, to] = [mine[0], mine.at(-1)];
  return from === undefined || to === undefined ? {} : { slices: { [stream]: { from, to } } };
}
