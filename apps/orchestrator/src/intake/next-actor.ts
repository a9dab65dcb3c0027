import type { TicketView } from '@millwright/api';
import type { Fold, TicketInfo } from '@millwright/domain';
import { type Instant, type NextActor, nextActorOfTicket } from '@millwright/domain';

/** Who has to act next on a ticket; null: nobody, it is done. */
export function nextOfTicket(fold: Fold, info: TicketInfo, now: Instant): TicketView['next'] {
  const run = info.runs.at(-1);
  return inWords(
    info,
    nextActorOfTicket(
      {
        state: info.state,
        unanswered: info.incident?.answered === false,
        run: (run && fold.run(run)) ?? { kind: 'none' },
      },
      now,
    ),
  );
}

/** With the act of who has to act. */
function inWords({ id, runs, state }: TicketInfo, next: NextActor): TicketView['next'] {
  const run = runs.at(-1);
  switch (next.who) {
    case 'nobody':
      return null;
    case 'factory':
      return { who: next.who, text: `${next.what.replaceAll('-', ' ')}, by itself`, acts: [] };
    case 'runner':
      return {
        who: next.who,
        text: next.what,
        acts: run === undefined ? [] : [{ act: 'watch-run', id: run }],
      };
    case 'approver':
      return { who: next.who, text: next.what, acts: [{ act: 'show-gate', id: next.gate }] };
    case 'admin':
      return { who: next.who, text: next.what, acts: [{ act: 'show-budgets' }] };
    case 'author':
      return {
        who: next.who,
        text: next.what,
        acts: [
          next.act === 'retry' && run !== undefined
            ? { act: 'retry-run', id: run }
            : { act: 'answer-ticket', id, again: state !== 'running' },
        ],
      };
  }
}

/** Tickets that are under way and wait for a person, with what that one does. */
export const waitingForPeople = (
  fold: Fold,
  now: Instant,
): ({ ticket: string } & NonNullable<TicketView['next']>)[] =>
  [...fold.tickets.values()].flatMap((info) => {
    const next = info.state === 'running' ? nextOfTicket(fold, info, now) : null;
    return next === null || next.who === 'factory' || next.who === 'runner'
      ? []
      : [{ ticket: info.id, ...next }];
  });
