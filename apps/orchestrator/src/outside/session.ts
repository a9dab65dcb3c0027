import type { TicketView } from '@millwright/api';
import { plainLine, type Run, type TicketInfo } from '@millwright/domain';

/** How a ticket stands, as a tracker has it. */
type SessionState = 'pending' | 'active' | 'awaiting input' | 'error' | 'complete';

/** What is told where a ticket came from: one comment, written anew as it changes. `issueOpen`: null where that is left to people. */
export type Session = { state: SessionState; body: string; issueOpen: boolean | null };

/** A text of somebody else, as one that names nobody, points at nothing and is no markup. */
export const quoted = (text: string, most = 500): string => {
  const line = plainLine(text).slice(0, most);
  return line.replaceAll(/[\\`*_{}[\]()<>#+!|~@&-]/g, (sign) => (sign === '@' ? '@\u2060' : `\\${sign}`));
};

/** A ticket's session. Pure: the same ticket and run are told in the same words. */
export function sessionOf(
  ticket: Pick<TicketInfo, 'id' | 'state' | 'runs' | 'evidence' | 'proposal' | 'outside'>,
  run: Run | null,
  next: TicketView['next'],
): Session {
  const state = stateOf(ticket, next);
  const merged = run?.merge?.kind === 'finished' ? run.merge : null;
  const done = (what: string) => `- [x] ${what}`;
  const steps = [
    ...(run?.plan ? [done(`planned, in ${count(run.tasks.length, 'task')}`)] : []),
    ...(run?.change ? [done(`made as one change, \`${run.change.commit.slice(0, 10)}\``)] : []),
    ...(merged?.delivered === 'merge' ? [done(`merged onto \`${merged.ref}\``)] : []),
    ...(merged?.delivered === 'branch' ? [done(`pushed as branch \`${merged.ref}\``)] : []),
    ...(run?.deploy?.kind === 'finished' ? [done(deployed(run.deploy.result))] : []),
    ...(run?.revert?.kind === 'finished' ? [done('its merge was reverted')] : []),
  ];
  return {
    state,
    body: [
      `**Millwright: ${HEADS[state]}**`,
      '',
      ...(next === null || state === 'complete' ? [] : [`${waits(next)}`, '']),
      ...ended(ticket, run),
      ...steps,
      ...(steps.length > 0 ? [''] : []),
      `Ticket \`${ticket.id}\`${run === null ? '' : `, run \`${run.id}\``}${run?.closed ? `, ${dollars(run.usage.usd)}` : ''}`,
    ].join('\n'),
    issueOpen:
      ticket.state === 'done' && merged?.delivered === 'merge'
        ? false
        : ticket.state === 'reopened'
          ? true
          : null,
  };
}

function stateOf({ state }: Pick<TicketInfo, 'state'>, next: TicketView['next']): SessionState {
  if (state === 'open') return 'pending';
  if (state === 'done') return 'complete';
  if (state === 'closed' || state === 'reopened') return 'error';
  return next === null || next.who === 'factory' || next.who === 'runner' ? 'active' : 'awaiting input';
}

const HEADS: Record<SessionState, string> = {
  pending: 'has taken this, and begins soon',
  active: 'is at work on this',
  'awaiting input': 'waits for a person',
  error: 'could not finish this',
  complete: 'is done with this',
};

const waits = ({ who, text }: NonNullable<TicketView['next']>): string =>
  who === 'factory' || who === 'runner'
    ? 'Nobody has to do anything.'
    : `What is needed: ${quoted(text)}, by ${who === 'author' ? 'who asked for it' : `an ${who}`}, in Millwright.`;

function ended(
  { state, evidence, proposal }: Pick<TicketInfo, 'state' | 'evidence' | 'proposal'>,
  run: Run | null,
): string[] {
  if (state === 'reopened') return [`It was rolled back: ${quoted(evidence.at(-1) ?? '')}`, ''];
  if (proposal !== null)
    return [
      `${proposal.by === null ? 'Somebody' : quoted(proposal.by, 100)} ${proposal.end} its pull request.`,
      '',
    ];
  return state === 'closed' && run?.closed ? [`Why: ${quoted(run.closed.reason)}`, ''] : [];
}

const deployed = (result: 'promoted' | 'rolled_back' | 'failed'): string =>
  result === 'promoted'
    ? 'released, watched and promoted'
    : result === 'rolled_back'
      ? 'released, and taken back'
      : 'not released: it could not be brought out';

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
const dollars = (usd: number): string => `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`;
