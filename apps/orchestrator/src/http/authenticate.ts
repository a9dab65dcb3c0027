import type { Act } from '@millwright/api';
import {
  type Actor,
  grantsText,
  nameOfScope,
  type PersonRole,
  type RoleScope,
  rolesAt,
} from '@millwright/domain';
import type { Person, Store } from '@millwright/store';
import type { FastifyRequest } from 'fastify';
import { grantsOfPerson, hasRole, placeOf } from '../streams/roles.ts';
import type { Streams } from '../streams/streams.ts';
import { type HttpProblem, problem } from './problem.ts';

type Ports = { streams: Streams };

export type Who = Person & { actor: Actor };

/** Finds who asks by `Authorization: Bearer <token>`; tokens are known by their SHA-256 alone. Throws 401. */
export async function authenticate(store: Store, request: FastifyRequest): Promise<Who> {
  const given = request.headers.authorization;
  if (given === undefined || given.trim() === '')
    throw problem('no-token', 'this needs a token, and none was given');
  const token = /^Bearer ([\x21-\x7e]{1,200})$/.exec(given)?.[1];
  const person = token === undefined ? null : await store.people.byToken(token);
  if (!person)
    throw problem(
      'bad-token',
      "the token that was given is nobody's here: mistyped, of another factory, or rotated since",
      [
        { act: 'sign-in' },
        { act: 'invite-person', role: 'author', to: 'without one, ask an administrator' },
        { act: 'rotate-person', to: 'or, where you are known already' },
      ],
    );
  return { ...person, actor: person.id as string as Actor };
}

/** Throws unless `who` has one of the roles there, as their own stream has it now. */
export async function requireRole(
  ports: Ports,
  who: Who,
  roles: readonly PersonRole[],
  scope: RoleScope,
): Promise<void> {
  if (await hasRole(ports, who.id, roles, scope)) return;
  const place = await placeOf(ports, scope);
  const of = place.kind === 'repo' ? `, of unit ${place.unit}` : '';
  throw await forbidden(ports, who, roles, `for ${nameOfScope(scope)}${of}`, scope);
}

/** Throws unless `who` has one of the roles somewhere: where it is used is found out later, and asked then. */
export async function requireRoleSomewhere(
  ports: Ports,
  who: Who,
  roles: readonly PersonRole[],
): Promise<void> {
  const grants = await grantsOfPerson(ports, who.id);
  if (grants.some(({ role }) => roles.includes(role))) return;
  throw await forbidden(ports, who, roles, 'where it is used', { kind: 'factory' });
}

async function forbidden(
  ports: Ports,
  who: Who,
  roles: readonly PersonRole[],
  where: string,
  scope: RoleScope,
): Promise<HttpProblem> {
  const grants = await grantsOfPerson(ports, who.id);
  const [role = 'admin'] = roles;
  const administers = rolesAt(grants, await placeOf(ports, scope)).includes('admin');
  const next: Act[] = administers
    ? [
        { act: 'invite-person', role, scope, to: 'let one in' },
        { act: 'grant-role', role, scope, to: 'or give it to somebody who is here' },
      ]
    : [{ act: 'list-people', to: 'who that is' }];
  return problem(
    'forbidden',
    `this needs the role ${roles.join(' or ')} ${where}; ${who.name} has ${grantsText(grants)}`,
    [{ act: 'sign-in-as', role }, ...next],
  );
}
