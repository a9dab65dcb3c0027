import { type EntryOf, streamOf, type TicketId } from '@millwright/domain';
import { ORCHESTRATOR } from '../actor.ts';
import { planRollback, rollBack } from '../deploy/manual-rollback.ts';
import type { Factory } from '../drive/factory.ts';
import type { TicketInfo } from '../views/world.ts';
import { firstAnswer } from './first-answer.ts';

type Answered = EntryOf<'ticket.incident-answered'>['data'];

/**
 * Answers the incidents that have no first answer yet: traffic back where the release is young. Their runs open only after it, on a base
 * that has the revert. Derived from the trail, one after the other; called in every sweep. No gate and no halt is asked.
 */
export async function answerIncidents(factory: Factory): Promise<void> {
  for (const ticket of [...factory.world.tickets.values()]) {
    if (ticket.incident === null || ticket.incident.answered) continue;
    const answer = await answerOf(factory, ticket);
    await append(factory, ticket.id, { ticket: ticket.id, ...answer, reason: answer.reason.slice(0, 4_000) });
  }
}

async function answerOf(
  factory: Factory,
  ticket: TicketInfo,
): Promise<Pick<Answered, 'answer' | 'release' | 'reason'>> {
  const { world, clock } = factory;
  const { live, history } = world.target(ticket.repo);
  const last = history.at(-1);
  const plan = planRollback(factory, ticket.repo, undefined);
  const decided = firstAnswer({
    startedAt: ticket.incident?.startedAt ?? ticket.filedAt,
    now: clock.now(),
    live: live === null || last === undefined ? null : { release: live, since: last.at, by: last.by },
    atFiling: ticket.incident?.release ?? null,
    back: plan.kind === 'plan' ? { kind: 'to', release: plan.to } : plan,
    youngMs: await factory.deployments.youngMs(ticket.repo),
  });
  if (decided.kind === 'leave' || plan.kind === 'none')
    return {
      answer: 'not_rolled_back',
      release: live,
      reason: decided.kind === 'leave' ? decided.reason : '',
    };
  try {
    const done = await rollBack(factory, plan, `incident ${ticket.id}`, ORCHESTRATOR);
    if (done.kind === 'failed')
      return { answer: 'rollback_failed', release: decided.to, reason: done.reason };
    return { answer: 'rolled_back', release: decided.to, reason: done.text };
  } catch (error) {
    return {
      answer: 'rollback_failed',
      release: decided.to,
      reason: error instanceof Error ? error.message : String(error),
    };
  }
}

async function append(factory: Factory, id: TicketId, data: Answered): Promise<void> {
  const stream = streamOf.ticket(id);
  for (let tries = 0; tries < 5; tries += 1) {
    const version = (await factory.trail.read(stream)).at(-1)?.envelope.version ?? 0;
    const appended = await factory.trail.append({
      stream,
      expectedVersion: version,
      actor: ORCHESTRATOR,
      entries: [{ type: 'ticket.incident-answered', data }],
    });
    if (appended.kind !== 'appended') continue;
    await factory.world.reached(appended.position);
    return;
  }
  factory.log.warn({ ticket: id }, 'the answer to an incident could not be recorded; it is answered again');
}
