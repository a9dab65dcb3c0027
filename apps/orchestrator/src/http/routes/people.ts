import { randomBytes } from 'node:crypto';
import type { PersonView } from '@millwright/api';
import { type Actor, type PersonId, personStream } from '@millwright/domain';
import { hashToken, type ListedPerson } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import { type Api, serve } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { requireRole } from '../authenticate.ts';
import { firstOf } from '../page.ts';
import { notFound, problem } from '../problem.ts';

const INVITATION_MS = 7 * 24 * 3_600_000;
const LIST = { act: 'list-people' } as const;

const newToken = () => `mwt_${randomBytes(24).toString('base64url')}`;
const newCode = (now: number) => {
  const code = `mwi_${randomBytes(24).toString('base64url')}`;
  return { code, kept: { hash: hashToken(code), expiresAt: now + INVITATION_MS } };
};

/**
 * People, by invitation: whoever invites gets a code, never a token; the code is used once, by who is invited, and the token that it gives
 * is shown to them alone. What opens something is on the trail before anybody is told it.
 */
export function peopleRoutes(app: FastifyInstance, { factory }: Api): void {
  const { people } = factory.store;
  const known = async (id: PersonId): Promise<ListedPerson> => {
    const found = (await people.list()).find((person) => person.id === id);
    if (found === undefined || found.roles.length === 0) throw notFound('person', id, LIST);
    return found;
  };

  serve(app, 'invite', async (request, reply) => {
    const id = factory.ids.next('per') as PersonId;
    const { code, kept } = newCode(factory.clock.now());
    const roles = [...new Set(request.body.roles)];
    const invited = await people.invite({ id, name: request.body.name, roles, code: kept });
    if (invited.kind === 'refused')
      throw problem('bad-name', `this cannot be a person's name: ${invited.reason}`);
    if (invited.kind === 'taken')
      throw problem(
        'exists',
        `${request.body.name} is the name of ${invited.by}, or looks like it: one person has one account`,
        [
          { ...LIST, to: 'give another person a name that cannot be mistaken' },
          { act: 'rotate-person', to: 'a lost token is replaced' },
        ],
      );
    await appendAs(factory, personStream(id), request.who, {
      type: 'person.invited',
      data: { person: id, roles, expiresAt: kept.expiresAt },
    });
    return reply.status(201).send({ ...invited.person, code, expiresAt: kept.expiresAt });
  });

  serve(app, 'accept', async (request) => {
    const token = newToken();
    const accepted = await people.accept(request.body.code, hashToken(token), factory.clock.now());
    if (accepted.kind === 'expired') throw problem('invitation-expired', 'this invitation has expired');
    if (accepted.kind === 'unknown')
      throw problem(
        'bad-invitation',
        'this code opens nothing: it was used already, was replaced, or is mistyped',
      );
    const { person } = accepted;
    const actor = person.id as string as Actor;
    await appendAs(
      factory,
      personStream(person.id),
      { actor },
      {
        type: 'person.accepted',
        data: { person: person.id },
      },
    );
    return { ...person, token };
  });

  serve(app, 'rotate', async (request) => {
    const { who } = request;
    const person = await known(request.params.id);
    const own = who.id === person.id;
    if (!own) requireRole(who, 'admin');
    const { id, name, roles } = person;
    const token = newToken();
    const { code, kept } = newCode(factory.clock.now());
    const rotated = { person: id, expiresAt: own ? null : kept.expiresAt };
    await appendAs(factory, personStream(id), who, { type: 'person.rotated', data: rotated }, ({ code }) =>
      code === 'is-admin'
        ? { hint: 'stop the factory, remove the file `token` in its folder, and start it: another is made' }
        : { acts: [LIST] },
    );
    await people.rotate(id, own ? { tokenHash: hashToken(token) } : { code: kept });
    return own
      ? { kind: 'own' as const, id, name, roles, token }
      : { kind: 'other' as const, id, name, roles, code, expiresAt: kept.expiresAt };
  });

  serve(app, 'listPeople', async (request, reply) =>
    firstOf(await people.list(), request.query, reply, ({ id }) => id).map(
      ({ id, name, roles, token, expiresAt }) => ({
        id,
        name,
        roles,
        expiresAt,
        state: stateOf({ roles, token, expiresAt }, factory.clock.now()),
      }),
    ),
  );

  // Recorded first, then done: killed in between, the same request does the rest.
  serve(app, 'erasePerson', async (request) => {
    const { id } = request.params;
    const erased = { type: 'person.erased', data: { person: id, reason: request.body.reason } } as const;
    await appendAs(factory, personStream(id), request.who, erased, { acts: [LIST] });
    await people.erase(id);
    return { person: id, erased: true };
  });
}

function stateOf(
  { roles, token, expiresAt }: Pick<ListedPerson, 'roles' | 'token' | 'expiresAt'>,
  now: number,
): PersonView['state'] {
  if (roles.length === 0) return 'erased';
  if (token) return 'enrolled';
  return expiresAt !== null && expiresAt > now ? 'invited' : 'expired';
}
