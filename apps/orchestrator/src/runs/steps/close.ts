import { type EntryOf, type Run, streamOf, type Todo } from '@millwright/domain';
import type { Factory } from '../../factory.ts';
import type { StepResult } from '../step.ts';
import { discardRehearsed } from './rehearse.ts';

/**
 * Where a person finds the change of a run that was not merged, in the factory's own copy of the repository; `run retry` goes on from it.
 */
const keptAt = (run: Run): string => `refs/millwright/runs/${run.id}`;

/** Names what the run made, so that it is not collected. */
export async function keepChange(factory: Factory, run: Run): Promise<void> {
  const made = run.change?.commit ?? (run.head.commit === run.base.commit ? null : run.head.commit);
  if (made === null) return;
  const repo = await factory.repositories.open(run.repo);
  await repo.git.must(['update-ref', keptAt(run), made]);
}

/** The closing entry lists the last version of each of the run's streams, itself included, so that an omission shows. */
export async function close(
  factory: Factory,
  run: Run,
  version: number,
  step: Extract<Todo, { do: 'close' }>,
): Promise<StepResult> {
  await discardRehearsed(factory, run);
  await keepChange(factory, run);
  const streams: Record<string, number> = { [streamOf.run(run.id)]: version + 1 };
  for (const stage of run.stages) {
    const recorded = await factory.trail.read(streamOf.attempt(stage.attempt));
    streams[streamOf.attempt(stage.attempt)] = recorded.at(-1)?.envelope.version ?? 0;
  }
  const data: EntryOf<'run.closed'>['data'] = {
    end: step.end,
    reason: step.reason.slice(0, 4_000),
    streams,
    ...(await slicesOf(factory, run)),
    usage: run.usage,
  };
  return { type: 'run.closed', data };
}

/** What its target says of its release: shifts of traffic, verdicts, and that it serves. */
async function slicesOf(
  { trail }: Factory,
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
