import type { OpenTrail } from '@millwright/audit';
import { type PersonId, type Run, streamOf, terminal } from '@millwright/domain';
import type { Hands } from '@millwright/policy';

type Ports = { trail: OpenTrail };

/** People let in one by another in a row are followed this far. */
const MAX_CHAIN = 100;

/**
 * Who has a hand in a run, and who let whom in since its ticket was filed, from the streams of run, ticket and people. `people` are those
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

  /** Who let this person in, or rotated their token for them, since then; the last who did. */
  const letInBy = async (person: PersonId): Promise<PersonId | null> => {
    const by = (await trail.read(streamOf.person(person))).findLast(
      ({ entry, envelope }) =>
        envelope.position > filed.envelope.position &&
        (entry?.type === 'person.invited' || entry?.type === 'person.rotated') &&
        String(envelope.actor) !== String(person),
    );
    return by === undefined ? null : (by.envelope.actor as string as PersonId);
  };
  const broughtBy = new Map<string, string[]>();
  for (const person of new Set(people)) {
    const chain: PersonId[] = [];
    for (let at = await letInBy(person); at !== null; at = await letInBy(at)) {
      if (chain.includes(at) || chain.length >= MAX_CHAIN) break;
      chain.push(at);
    }
    if (chain.length > 0) broughtBy.set(person, chain);
  }
  return { did, broughtBy };
}
