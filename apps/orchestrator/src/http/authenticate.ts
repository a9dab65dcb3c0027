import type { Actor, PersonRole } from '@millwright/domain';
import type { Person, Store } from '@millwright/store';
import type { FastifyRequest } from 'fastify';
import { problem } from './problem.ts';

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

/** Throws unless `who` has one of the roles. */
export function requireRole(who: Who, ...roles: PersonRole[]): void {
  if (roles.some((role) => who.roles.includes(role))) return;
  const [role = 'admin'] = roles;
  throw problem(
    'forbidden',
    `this needs the role ${roles.join(' or ')}; ${who.name} has ${who.roles.join(', ') || 'none'}`,
    [
      { act: 'sign-in-as', role },
      who.roles.includes('admin')
        ? { act: 'invite-person', role, to: 'let one in' }
        : { act: 'list-people', to: 'who that is' },
    ],
  );
}
