import {
  type EntryOf,
  getJson,
  Release,
  type ReleaseId,
  type Run,
  retryable,
  type Todo,
  terminal,
} from '@millwright/domain';
import { blames, demoteAfterRollback } from '../../autonomy/demote.ts';
import type { Factory } from '../../factory.ts';
import { whyVoid } from '../../gates/judge.ts';
import { freezeStuck } from '../../releases/freeze.ts';
import { retirePrevious } from '../../releases/retire-previous.ts';
import { waitForCheckpoint } from '../../streams/await-checkpoint.ts';
import type { Journal, StepResult } from '../step.ts';

type Finished = EntryOf<'deploy.finished'>['data'];

/** Brings the run's release out, watched; one deploy at a time a repository, resumed under its own fence after a crash. */
export async function deploy(
  factory: Factory,
  run: Run,
  step: Extract<Todo, { do: 'deploy' }>,
  journal: Journal,
): Promise<StepResult> {
  const release = run.release?.release;
  if (!release) throw terminal('step-without-input', 'there is no release to deploy');
  await waitForCheckpoint(factory);
  return factory.deploys.run(run.repo, async (preempted, behind) => {
    await factory.world.reached(await factory.trail.head());
    let fence = run.deploy?.kind === 'started' ? run.deploy.fence : 0;
    if (fence === 0) {
      if (factory.world.halted()) throw retryable('halted', 'the factory is halted');
      const voided = await whyVoid(factory, run, step.gate);
      if (voided) return voided;
      fence = factory.world.target(run.repo).fence + 1;
      await journal({ type: 'deploy.started', data: { release, gate: step.gate, fence } });
    }
    const { live } = factory.world.target(run.repo);
    const shipped = await superseded(factory, run, live);
    if (shipped) await factory.deployments.discard(run.repo, release, fence);
    const data = shipped ?? (await bringOut(factory, run, release, fence, live, preempted));
    behind(() => retirePrevious(factory, run.repo));
    return { type: 'deploy.finished', data };
  });
}

/** The reason is its first line, said once. */
const evidenceOf = ({ reason, evidence }: { reason: string; evidence: string }): string =>
  (evidence.startsWith(reason) ? evidence : `${reason}\n${evidence}`).slice(0, 20_000);

/** Two people allowed exactly this release: the gate lets none out that cannot go back with fewer. */
const attended = (run: Run): boolean =>
  new Set(run.gates.findLast((gate) => gate.action === 'deploy')?.approvals).size >= 2;

async function bringOut(
  factory: Factory,
  run: Run,
  release: ReleaseId,
  fence: number,
  live: ReleaseId | null,
  preempted: AbortSignal,
): Promise<Finished> {
  const result = await factory.deployments.deploy(run.repo, release, fence, {
    attended: attended(run),
    // What was seen of it so far is on the trail as well.
    beforePromotion: () => waitForCheckpoint(factory, preempted),
  });
  switch (result.kind) {
    case 'promoted':
      return { release, result: 'promoted', live: release, evidence: result.evidence.slice(0, 20_000) };
    case 'rolled_back':
      if (blames(result)) await demoteAfterRollback(factory, run.repo, [release]);
      if (result.stuck) await freezeStuck(factory, run.repo, release, result.stuck);
      return {
        release,
        result: 'rolled_back',
        live: result.live,
        evidence: evidenceOf(result),
      };
    case 'failed':
      if (result.stuck) await freezeStuck(factory, run.repo, release, result.stuck);
      return {
        release,
        result: 'failed',
        live: result.live,
        evidence: evidenceOf(result),
      };
    case 'fenced':
      return {
        release,
        result: 'failed',
        live,
        evidence: `a later deploy (fence ${result.by}) has the target`,
      };
  }
}

/** A release whose commit is in the live one already has shipped with it; deploying it alone would go back. */
async function superseded(factory: Factory, run: Run, live: ReleaseId | null): Promise<Finished | null> {
  const info = live === null ? undefined : factory.world.releases.get(live);
  if (!info || live === null || live === run.release?.release || run.merge?.kind !== 'finished') return null;
  const { commit } = await getJson(factory.store.artifacts, Release, info.artifact);
  const repo = await factory.repositories.open(run.repo);
  if (!(await repo.isAncestor(run.merge.commit, commit))) return null;
  return {
    release: run.release?.release ?? live,
    result: 'promoted',
    live,
    evidence: `shipped as part of the later release ${live}`,
  };
}
