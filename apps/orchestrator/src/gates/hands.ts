import type { Act } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import { type PersonId, type Run, streamOf, terminal } from '@millwright/domain';
import { type Hands, handIn } from '@millwright/policy';

type Ports = { trail: OpenTrail };

/** People let in one by another in a row are followed this far. */
const MAX_CHAIN = 100;

/**
 * Who has a hand in a run, and who let whom in, since its ticket was filed and ever, from the streams of run, ticket and people. `people` are those
 * whose approval is in question.
 */
export async function handsIn(
  { trail }: Ports,
  run: Pick<Run, 'id' | 'ticket' | 'author'>,
  people: readonly PersonId[],
): Promise<Hands> {
  const [ofTicket, ofRun] = await Promise.all([
    trail.read(streamOf.ticket(run.ticket)),
    trail.read(streamOf.run(run.id)),
  ]);
  const did = new Map<string, string>();
  const note = (actor: string, what: string) => {
    if (!did.has(actor)) did.set(actor, what);
  };
  note(run.author, 'is the requester');
  for (const { entry, envelope } of [...ofTicket, ...ofRun]) {
    if (entry?.type === 'ticket.filed') note(envelope.actor, 'is the requester');
    if (entry?.type === 'ticket.answered') note(envelope.actor, 'answered on the ticket');
    if (entry?.type === 'question.answered') note(envelope.actor, 'answered its question');
  }
  const filed = ofTicket.find(({ entry }) => entry?.type === 'ticket.filed');
  if (filed === undefined) throw terminal('fact-missing', `the ticket ${run.ticket} is not on the trail`);

  /** Who let this person in, or rotated their token for them, after a position of the trail; the last who did. */
  const letInBy = async (person: PersonId, after: number): Promise<PersonId | null> => {
    const by = (await trail.read(streamOf.person(person))).findLast(
      ({ entry, envelope }) =>
        envelope.position > after &&
        (entry?.type === 'person.invited' || entry?.type === 'person.rotated') &&
        String(envelope.actor) !== String(person),
    );
    return by === undefined ? null : (by.envelope.actor as string as PersonId);
  };
  const chainOf = async (person: PersonId, after: number): Promise<PersonId[]> => {
    const chain: PersonId[] = [];
    for (let at = await letInBy(person, after); at !== null; at = await letInBy(at, after)) {
      if (chain.includes(at) || chain.length >= MAX_CHAIN) break;
      chain.push(at);
    }
    return chain;
  };
  const broughtBy = new Map<string, string[]>();
  const enrolledBy = new Map<string, string[]>();
  for (const person of new Set(people)) {
    broughtBy.set(person, await chainOf(person, filed.envelope.position));
    const ever = await chainOf(person, 0);
    const [last] = ever.slice(-1);
    // Nobody let the first administrator in.
    enrolledBy.set(
      person,
      last !== undefined && (await letInBy(last, 0)) === null ? ever.slice(0, -1) : ever,
    );
  }
  return { did, broughtBy, enrolledBy };
}

/** Why this person allows nothing of a run; null where they may. One answer, whatever they would allow. */
export const handOf = async (
  factory: Ports,
  run: Pick<Run, 'id' | 'ticket' | 'author'>,
  person: PersonId,
): Promise<string | null> => {
  const hand = handIn(person, await handsIn(factory, run, [person]));
  return hand === undefined ? null : `not recorded: ${hand}`;
};

/** Who allows it instead. */
export const ANOTHER_APPROVER: readonly Act[] = [
  { act: 'list-people', to: 'another approver has to, let in before the ticket was filed' },
  { act: 'invite-person', role: 'approver', to: 'where there is none, and file the ticket anew' },
];
