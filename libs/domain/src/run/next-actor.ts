import type { GateId, Instant } from '../ids.ts';
import { notResumable } from './resume.ts';
import type { Gate, Run, RunState } from './state.ts';
import { todo } from './todo.ts';

/** Who has to act next on a run. A person's act names its command, and what the command appends is accepted then. */
export type NextActor =
  /** Nobody: the run is done. */
  | { who: 'nobody' }
  /** By itself; `at`: not before. */
  | { who: 'factory'; what: string; at: Instant | null }
  | { who: 'runner'; what: string }
  | { who: 'author'; what: string; act: 'answer' | 'retry' }
  | { who: 'approver'; what: string; act: 'approve' | 'retry'; gate: GateId }
  | { who: 'admin'; what: string; act: 'retry'; first: 'raise-cap' };

const waiting = (run: Run): Gate | undefined =>
  run.gates.findLast((gate) => gate.decision === 'needs_approval' && gate.ended !== 'voided');

/** Pure and total: an open run has exactly one next actor, and a closed one that is not done has its author. */
export function nextActor(run: Run, now: Instant): NextActor {
  if (run.closed !== null) {
    if (run.closed.end === 'done') return { who: 'nobody' };
    return notResumable(run) === null
      ? {
          who: 'author',
          act: 'retry',
          what: 'let it go on from where it was, or say what should be different',
        }
      : { who: 'author', act: 'answer', what: 'say what should be different' };
  }
  const due = todo(run, now);
  // Whoever is to be reminded is who acts next.
  const forPerson = due.some((step) => step.do === 'remind' || (step.do === 'wait' && step.for === 'person'));
  const parked = forPerson ? run.parked : null;
  if (parked !== null) return unpark(run, parked);
  const own = due.filter((step) => step.do !== 'wait' && step.do !== 'await-stage');
  if (own[0] !== undefined) return { who: 'factory', what: own[0].do, at: null };
  const stages = due.flatMap((step) => (step.do === 'await-stage' ? [step.attempt] : []));
  if (stages.length > 0) {
    const roles = run.stages.filter((one) => stages.includes(one.attempt)).map((one) => one.role);
    return { who: 'runner', what: [...new Set(roles)].join(', ') };
  }
  const wait = due.find((step) => step.do === 'wait');
  const gate = wait?.for === 'gate' ? waiting(run) : undefined;
  if (gate)
    return { who: 'approver', act: 'approve', gate: gate.gate, what: `allow or deny the ${gate.action}` };
  if (wait?.for === 'answer') return { who: 'author', act: 'answer', what: 'answer the question' };
  return { who: 'factory', what: 'retry', at: wait?.until ?? null };
}

/** A ticket as far as its own stream has got, and its last run; `none`: that one was not opened, or there is none yet. */
type TicketStanding = {
  state: 'open' | 'running' | 'done' | 'closed' | 'reopened';
  /** An incident whose first answer is not given yet: a rollback may come before its run. */
  unanswered: boolean;
  run: RunState;
};

/** Pure and total: of a ticket that is not done, with or without a run, exactly one has to act next. */
export function nextActorOfTicket({ state, unanswered, run }: TicketStanding, now: Instant): NextActor {
  const byFactory = (what: string): NextActor => ({ who: 'factory', what, at: null });
  switch (state) {
    case 'done':
      return { who: 'nobody' };
    case 'open':
      return byFactory(unanswered ? 'answer the incident' : 'open its run');
    case 'running':
      if (run.kind === 'none') return byFactory('open its run');
      return run.closed === null ? nextActor(run, now) : byFactory('draw the end of its run');
    case 'closed':
    case 'reopened': {
      if (run.kind === 'none')
        return { who: 'author', act: 'answer', what: 'mend what kept its run from opening, and say so' };
      const next = nextActor(run, now);
      // Its run goes on again, or says that it is done, and the ticket does not know it yet.
      return run.closed === null || next.who === 'nobody' ? byFactory('follow its run') : next;
    }
  }
}

function unpark(run: Run, { cause, reason }: NonNullable<Run['parked']>): NextActor {
  switch (cause) {
    case 'gate': {
      const gate = waiting(run);
      return gate === undefined
        ? { who: 'author', act: 'retry', what: reason }
        : { who: 'approver', act: 'retry', gate: gate.gate, what: reason };
    }
    case 'budget':
      return { who: 'admin', act: 'retry', first: 'raise-cap', what: reason };
  }
}
