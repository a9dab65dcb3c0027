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

/** With the command of who has to act. */
function inWords({ id, runs, state }: TicketInfo, next: NextActor): TicketView['next'] {
  const run = runs.at(-1);
  switch (next.who) {
    case 'nobody':
      return null;
    case 'factory':
      return { who: next.who, text: `${next.what.replaceAll('-', ' ')}, by itself` };
    case 'runner':
      return { who: next.who, text: `${next.what}: ./millwright run watch ${run}` };
    case 'approver':
      return { who: next.who, text: `${next.what}: ./millwright gate show ${next.gate}` };
    case 'admin':
      return { who: next.who, text: `${next.what}: ./millwright budget show` };
    case 'author':
      return {
        who: next.who,
        text: `${next.what}: ${
          next.act === 'retry'
            ? `./millwright run retry ${run}`
            : `./millwright ticket answer ${id} "…"${state === 'running' ? '' : ' --again'}`
        }`,
      };
  }
}

/** Tickets that are under way and wait for a person, with what that one does. */
export const waitingForPeople = (fold: Fold, now: Instant): { ticket: string; who: string; text: string }[] =>
  [...fold.tickets.values()].flatMap((info) => {
    const next = info.state === 'running' ? nextOfTicket(fold, info, now) : null;
    return next === null || next.who === 'factory' || next.who === 'runner'
      ? []
      : [{ ticket: info.id, ...next }];
  });
