import type { Act } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import {
  type Grant,
  grantsAt,
  grantsOf,
  type PersonId,
  type PersonRole,
  personStream,
  type Run,
  streamOf,
  terminal,
} from '@millwright/domain';
import { type Hands, handIn } from '@millwright/policy';
import { placeOf } from '../streams/roles.ts';
import type { Streams } from '../streams/streams.ts';

type Ports = { streams: Streams; trail: OpenTrail };

/** Who says yes at a gate. */
export const APPROVER: readonly PersonRole[] = ['approver'];

/** People let in one by another in a row are followed this far. */
const MAX_CHAIN = 100;

/**
 * Who has a hand in a run, who let whom in, since its ticket was filed and ever, and who gave whom their role, from the streams of run, ticket,
 * repository and people. `people` are those whose word is in question, and `roles` those by which it would count.
 */
export async function handsIn(
  ports: Ports,
  run: Pick<Run, 'id' | 'ticket' | 'author' | 'repo'>,
  people: readonly PersonId[],
  roles: readonly PersonRole[],
): Promise<Hands> {
  const { trail } = ports;
  const [ofTicket, ofRun, ofRepo, place] = await Promise.all([
    trail.read(streamOf.ticket(run.ticket)),
    trail.read(streamOf.run(run.id)),
    trail.read(streamOf.repo(run.repo)),
    placeOf(ports, { kind: 'repo', repo: run.repo }),
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
    if (entry?.type === 'run.steered') note(envelope.actor, 'told its agents what to do');
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
  /** Whom these people come from, at any time; nobody let the first administrator in. */
  const enrollersOf = async (person: PersonId): Promise<PersonId[]> => {
    const ever = await chainOf(person, 0);
    const last = ever.at(-1);
    return last !== undefined && (await letInBy(last, 0)) === null ? ever.slice(0, -1) : ever;
  };

  const since = filed.envelope.position;
  const moved = ofRepo.findLast(
    ({ entry, envelope }) => entry?.type === 'repo.moved' && envelope.position > since,
  )?.envelope.actor as string | undefined as PersonId | undefined;
  /** The grants by which a person has one of these roles here, each with who gave it since, or made it reach this repository. */
  const giversOf = async (person: PersonId, by: readonly PersonRole[]): Promise<PersonId[][]> => {
    const { decider } = personStream(person);
    const givers = new Map<Grant, PersonId>();
    let state = decider.initialState();
    for (const { entry, envelope } of await trail.read(streamOf.person(person))) {
      const before = new Set(grantsOf(person, state));
      state = decider.evolve(state, entry, envelope);
      if (envelope.position <= since) continue;
      for (const grant of grantsOf(person, state))
        if (!before.has(grant)) givers.set(grant, envelope.actor as string as PersonId);
    }
    return grantsAt(grantsOf(person, state), place)
      .filter(({ role }) => by.includes(role))
      .map((grant) => {
        const giver = givers.get(grant);
        const mover = grant.scope.kind === 'unit' ? moved : undefined;
        return [giver, mover].filter((one) => one !== undefined);
      });
  };
  /** A giver, and whoever stands behind them: who let them in, and who gave them, since, the role by which they give. */
  const behind = async (giver: PersonId, seen: Set<PersonId>): Promise<PersonId[]> => {
    if (seen.has(giver) || seen.size >= MAX_CHAIN) return [];
    seen.add(giver);
    const given = await giversOf(giver, ['admin']);
    const over = given.some((one) => one.length === 0) ? [] : given.flat();
    const found = [giver, ...(await chainOf(giver, since)), ...(await enrollersOf(giver))];
    for (const one of over) found.push(...(await behind(one, seen)));
    return found;
  };

  const broughtBy = new Map<string, string[]>();
  const enrolledBy = new Map<string, string[]>();
  const grantedBy = new Map<string, string[][]>();
  for (const person of new Set(people)) {
    broughtBy.set(person, await chainOf(person, since));
    enrolledBy.set(person, await enrollersOf(person));
    const chains: string[][] = [];
    for (const givers of await giversOf(person, roles)) {
      const seen = new Set<PersonId>();
      const chain: string[] = [];
      for (const giver of givers) chain.push(...(await behind(giver, seen)));
      chains.push(chain);
    }
    grantedBy.set(person, chains);
  }
  return { did, broughtBy, enrolledBy, grantedBy };
}

/** Why this person allows nothing of a run; null where they may. One answer, whatever they would allow. */
export const handOf = async (
  factory: Ports,
  run: Pick<Run, 'id' | 'ticket' | 'author' | 'repo'>,
  person: PersonId,
  roles: readonly PersonRole[],
): Promise<string | null> => {
  const hand = handIn(person, await handsIn(factory, run, [person], roles));
  return hand === undefined ? null : `not recorded: ${hand}`;
};

/** Who allows it instead. */
export const ANOTHER_APPROVER: readonly Act[] = [
  { act: 'list-people', to: 'another approver has to, let in before the ticket was filed' },
  { act: 'invite-person', role: 'approver', to: 'where there is none, and file the ticket anew' },
];
