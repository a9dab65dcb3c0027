import type { OpenTrail } from '@millwright/audit';
import type { Clock, RepoName, TicketInfo } from '@millwright/domain';
import { type EntryOf, type TicketId, ticketStream } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Logger } from 'pino';
import { demoteAfterRollback } from '../autonomy/demote.ts';
import type { Deployments } from '../releases/deployments.ts';
import { type Plan, planOn, rollBack, targetNow } from '../releases/manual-rollback.ts';
import type { Pager } from '../releases/pager.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { Forward } from '../streams/forward.ts';
import type { LocalLeases } from '../streams/local-leases.ts';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';
import { firstAnswer } from './first-answer.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  log: Logger;
  merges: LocalLeases<RepoName>;
  pager: Pager;
  register: Register;
  repositories: Repositories;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

type Answered = EntryOf<'ticket.incident-answered'>['data'];

/**
 * Answers the incidents that have no first answer yet: traffic back where the release is young. Their runs open only after it, on a base
 * that has the revert. Derived from the trail, one after the other; called in every sweep. No gate and no halt is asked.
 */
export async function answerIncidents(factory: Ports): Promise<void> {
  for (const ticket of [...factory.views.open.tickets.values()]) {
    if (ticket.incident === null || ticket.incident.answered) continue;
    const answer = await answerOf(factory, ticket);
    const data = { ticket: ticket.id, ...answer, reason: answer.reason.slice(0, 4_000) };
    await factory.streams.appendShown(ticketStream(ticket.id), ORCHESTRATOR, () => ({
      type: 'ticket.incident-answered',
      data,
    }));
  }
}

async function answerOf(
  factory: Ports,
  ticket: TicketInfo,
): Promise<Pick<Answered, 'answer' | 'release' | 'reason'>> {
  const { clock } = factory;
  const target = await targetNow(factory, ticket.repo);
  const { live, history } = target;
  const last = history.at(-1);
  // It is about what serves: a release on its way to serve is judged by its own watch, and goes with what it would stand on.
  const plan = planOn(ticket.repo, { ...target, canary: null }, null);
  const decided = firstAnswer({
    startedAt: ticket.incident?.startedAt ?? ticket.filedAt,
    now: clock.now(),
    live: live === null || last === undefined ? null : { release: live, since: last.at, by: last.by },
    atFiling: ticket.incident?.release ?? null,
    back: backOf(plan),
    youngMs: await factory.deployments.youngMs(ticket.repo),
  });
  if (decided.kind === 'leave' || plan.kind !== 'plan')
    return {
      answer: 'not_rolled_back',
      release: live,
      reason: decided.kind === 'leave' ? decided.reason : '',
    };
  // Beside it, since going back waits for no entry; and the incident is not answered before it is recorded: what
  // failed meanwhile is tried once more, and its error then is the answer's.
  const lose = () => demoteAfterRollback(factory, ticket.repo, plan.leaves);
  const [answer, lost] = await Promise.all([
    goBack(factory, ticket.id, plan),
    lose().then(
      () => true,
      () => false,
    ),
  ]);
  if (!lost) await lose();
  return answer;
}

const backOf = (plan: Plan) =>
  plan.kind === 'plan'
    ? { kind: 'to' as const, release: plan.to }
    : { kind: 'none' as const, reason: plan.kind === 'none' ? plan.reason : 'a canary is under way' };

/** Never rejects: that it failed is an answer. */
async function goBack(
  factory: Ports,
  incident: TicketId,
  plan: Extract<Plan, { kind: 'plan' }>,
): Promise<Pick<Answered, 'answer' | 'release' | 'reason'>> {
  const failed = (reason: string) => ({ answer: 'rollback_failed' as const, release: plan.to, reason });
  try {
    const { repo, to } = plan;
    const done = await rollBack(factory, {
      ...{ repo, to, from: plan.from, reason: `incident ${incident}` },
      by: ORCHESTRATOR,
    });
    return done.kind === 'failed'
      ? failed(done.reason)
      : { answer: 'rolled_back', release: plan.to, reason: done.text };
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}
