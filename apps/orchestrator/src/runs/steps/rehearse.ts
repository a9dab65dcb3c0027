import { type EntryOf, fenceFor, type Run, retryable, sendsBack, terminal } from '@millwright/domain';
import { irreversibleText } from '@millwright/policy';
import { blames, demoteAfterRollback } from '../../autonomy/demote.ts';
import type { Factory } from '../../factory.ts';
import { irreversibleSince } from '../../gates/facts.ts';
import type { StepResult } from '../step.ts';
import { outdated } from './outdated.ts';

type Rehearsed = EntryOf<'release.rehearsed'>['data'];

/**
 * Before the deploy gate is asked: the release runs beside the live one without traffic, and goes forth and back. What cannot be taken back
 * is not started at all until people allowed it, since a migration may run when a release starts.
 */
export async function rehearse(factory: Factory, run: Run): Promise<StepResult> {
  const release = run.release?.release;
  if (!release) throw terminal('step-without-input', 'there is no release to rehearse');
  return factory.deploys.run(run.repo, async () => {
    if (factory.world.halted()) throw retryable('halted', 'the factory is halted');
    await factory.world.reached(await factory.trail.head());
    const target = factory.world.target(run.repo);
    const fence = fenceFor(target, release);
    const entry = (data: Partial<Rehearsed> & Pick<Rehearsed, 'result'>): StepResult => ({
      type: 'release.rehearsed',
      data: {
        release,
        fence,
        to: target.live,
        ms: null,
        at: factory.clock.now(),
        reason: '',
        evidence: '',
        ...data,
      },
    });
    const anew = await outdated(factory, run);
    if (anew !== null) {
      await factory.deployments.discard(run.repo, release, fence);
      return anew;
    }
    if (target.frozen) return entry({ result: 'no_undo', reason: 'the target is frozen: nothing was tried' });
    const never = irreversibleText(await irreversibleSince(factory, run));
    if (never !== null) return entry({ result: 'no_undo', reason: never });

    const result = await factory.deployments.rehearse(run.repo, release, fence);
    switch (result.kind) {
      case 'fenced':
        throw retryable('fenced', `the target was taken with fence ${result.by}`);
      case 'rolled_back':
        if (blames(result)) await demoteAfterRollback(factory, run.repo, [release]);
        return entry({ result: 'unhealthy', ...told(result.reason, result.evidence) });
      case 'failed':
        return entry({ result: 'failed', ...told(result.reason, result.evidence) });
      case 'rehearsed': {
        const { rehearsal, to } = result;
        if (rehearsal.possible) return entry({ result: 'works', to, ms: Math.round(rehearsal.ms) });
        if (rehearsal.fault === 'undo') return entry({ result: 'no_undo', to, ...told(rehearsal.reason) });
        await factory.deployments.discard(run.repo, release, fence);
        await demoteAfterRollback(factory, run.repo, [release]);
        return entry({ result: 'unhealthy', to, ...told(rehearsal.reason, rehearsal.reason) });
      }
    }
  });
}

/** The first line of the evidence says what happened, as for a deploy: the reopened ticket shows it. */
const told = (reason: string, evidence = '') => ({
  reason: reason.slice(0, 4_000),
  evidence: `${reason}\n${evidence}`.slice(0, 20_000),
});

/** A release that was made to run for its rehearsal, and goes nowhere, is stopped. The run ends all the same: a leftover has no traffic. */
export async function discardRehearsed(factory: Factory, run: Run): Promise<void> {
  const release = run.release?.release;
  if (!release || (run.release !== null && sendsBack(run.release.verdict)) || run.deploy !== null) return;
  await factory.deploys.run(run.repo, async () => {
    try {
      await factory.world.reached(await factory.trail.head());
      const fence = fenceFor(factory.world.target(run.repo), release);
      await factory.deployments.discard(run.repo, release, fence);
    } catch (error) {
      factory.log.warn(
        { run: run.id, release, err: error },
        'what was rehearsed runs on without traffic; the next deploy stops it',
      );
    }
  });
}
