import { randomBytes } from 'node:crypto';
import type { PersonView } from '@millwright/api';
import {
  type Actor,
  type Grant,
  nameOfScope,
  type PersonId,
  type PersonRole,
  personStream,
  type RoleScope,
  rolesAt,
  whyNoGrant,
} from '@millwright/domain';
import { hashToken, type ListedPerson } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import { personOf } from '../../streams/accounts.ts';
import { grantsOfPerson, placeOf } from '../../streams/roles.ts';
import { type Api, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { requireRole, type Who } from '../authenticate.ts';
import { firstOf } from '../page.ts';
import { notFound, problem } from '../problem.ts';
import { knownRepo } from './repos.ts';
import { knownUnit } from './units.ts';

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
export function peopleRoutes(app: FastifyInstance, api: Api): void {
  const { factory } = api;
  const { people } = factory.store;
  /** By id, or by name; erased, nobody is found. */
  const known = async (whom: string): Promise<ListedPerson> => {
    const all = (await people.list()).filter(({ erased }) => !erased);
    const name = whom.normalize('NFKC').trim();
    const found = all.find(({ id }) => id === whom) ?? all.find((one) => one.name === name);
    const names = all.map((one) => one.name);
    if (found === undefined) throw notFound('person', whom, LIST, names);
    return found;
  };
  const rolesOf = async (id: PersonId): Promise<Roles> => rolesIn(await grantsOfPerson(factory, id));
  const accountsOf = async (id: PersonId) => {
    const state = await factory.streams.person(id).look();
    return state.kind === 'person' ? [...state.accounts] : [];
  };
  const view = async ({ id, name, token, expiresAt, erased }: ListedPerson): Promise<PersonView> => ({
    ...{ id, name, ...(await rolesOf(id)), expiresAt, accounts: await accountsOf(id) },
    state: stateOf({ token, expiresAt, erased }, factory.clock.now()),
  });
  /** The scope, where there is what it names. Throws 404. */
  const there = async (scope: RoleScope): Promise<RoleScope> => {
    if (scope.kind === 'repo') knownRepo(factory, scope.repo);
    if (scope.kind === 'unit') await knownUnit(factory, scope.unit);
    return scope;
  };
  /** Throws where who gives these roles there may not give one of them. */
  const requireMayGive = async (who: Who, roles: readonly PersonRole[], scope: RoleScope): Promise<void> => {
    const [own, place] = await Promise.all([grantsOfPerson(factory, who.id), placeOf(factory, scope)]);
    for (const role of roles) {
      const lacks = whyNoGrant(own, role, place);
      if (lacks !== null)
        throw problem(
          'forbidden',
          `an administrator of ${nameOfScope(scope)} gives no role that they have not there: ${who.name} is no ${lacks} of it`,
          { act: 'list-people', to: 'an administrator of the factory gives it' },
        );
    }
  };

  serveThere(
    app,
    api,
    'invite',
    ({ body }) => there(body.scope),
    async (request, reply, scope) => {
      const id = factory.ids.next('per') as PersonId;
      const { code, kept } = newCode(factory.clock.now());
      const roles = [...new Set(request.body.roles)];
      await requireMayGive(request.who, roles, scope);
      const invited = await people.invite({ id, name: request.body.name, code: kept });
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
        data: { person: id, roles, scope, expiresAt: kept.expiresAt },
      });
      const given = await rolesOf(id);
      return reply.status(201).send({ ...invited.person, ...given, code, expiresAt: kept.expiresAt });
    },
  );

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
    return { ...person, ...(await rolesOf(person.id)), token };
  });

  serve(app, 'rotate', async (request) => {
    const { who } = request;
    const person = await known(request.params.id);
    const own = who.id === person.id;
    // Who ends a token gets the code for another: of whoever has roles elsewhere too, that is no matter of one unit.
    if (!own) await requireRole(factory, who, ['admin'], { kind: 'factory' });
    const { id, name } = person;
    const roles = await rolesOf(id);
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
      ? { kind: 'own' as const, id, name, ...roles, token }
      : { kind: 'other' as const, id, name, ...roles, code, expiresAt: kept.expiresAt };
  });

  serve(app, 'listPeople', async (request, reply) =>
    Promise.all(firstOf(await people.list(), request.query, reply, ({ id }) => id).map(view)),
  );
  serve(app, 'showPerson', async ({ params }) => view(await known(params.id)));

  serve(app, 'whoAmI', async ({ who }) => view(await known(who.id)));

  for (const [name, type] of [
    ['grantRole', 'person.granted'],
    ['revokeRole', 'person.revoked'],
  ] as const)
    serveThere(
      app,
      api,
      name,
      ({ body }) => there(body.scope),
      async ({ params, body, who }, _, scope) => {
        const person = await known(params.id);
        const { role, reason } = body;
        if (type === 'person.granted' && who.id !== person.id) await requireMayGive(who, [role], scope);
        await appendAs(factory, personStream(person.id), who, {
          type,
          data: { person: person.id, role, scope, reason },
        });
        return view(person);
      },
    );

  for (const [name, type] of [
    ['linkAccount', 'person.linked'],
    ['unlinkAccount', 'person.unlinked'],
  ] as const)
    serve(app, name, async ({ params, body, who }) => {
      const person = await known(params.id);
      const { repo, place } = knownRepo(factory, body.repo);
      const forge = place && (await api.outside.places.of(repo, place));
      if (!place || !forge)
        throw problem('not-connected', `${repo} is connected to nowhere`, { act: 'connect-repo', repo });
      const found = await forge.account(body.account);
      if (found === null)
        throw notFound('account', body.account, `check how it is called on ${place.kind} now`);
      const account = { place: place.kind, api: place.api, account: found.id };
      const whose = await personOf(factory, account);
      if (whose !== null && whose !== person.id)
        throw problem('account-taken', `${found.name} is the account of ${whose}`);
      await appendAs(factory, personStream(person.id), who, {
        type,
        data: { person: person.id, ...account, reason: body.reason },
      });
      return view(person);
    });

  // Recorded first, then done: killed in between, the same request does the rest.
  serve(app, 'erasePerson', async (request) => {
    const { id } = request.params;
    const erased = { type: 'person.erased', data: { person: id, reason: request.body.reason } } as const;
    await appendAs(factory, personStream(id), request.who, erased, { acts: [LIST] });
    await people.erase(id);
    return { person: id, erased: true };
  });
}

type Roles = { roles: PersonRole[]; grants: Grant[] };
const rolesIn = (grants: readonly Grant[]): Roles => ({
  roles: rolesAt(grants, { kind: 'factory' }),
  grants: [...grants],
});

function stateOf(
  { token, expiresAt, erased }: Pick<ListedPerson, 'token' | 'expiresAt' | 'erased'>,
  now: number,
): PersonView['state'] {
  if (erased) return 'erased';
  if (token) return 'enrolled';
  return expiresAt !== null && expiresAt > now ? 'invited' : 'expired';
}
