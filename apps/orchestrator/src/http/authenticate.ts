import type { Actor, PersonId, PersonRole } from '@millwright/domain';
import type { Person, Store } from '@millwright/store';
import type { FastifyRequest } from 'fastify';
import { forbidden, HttpProblem } from './problem.ts';

export type Who = Person & { actor: Actor };

/** The person who holds the token that the first start made: administrator and author. */
export const ADMIN = 'per_00000000admin' as PersonId;

/** Finds who asks by `Authorization: Bearer <token>`; tokens are known by their SHA-256 alone. Throws 401. */
export async function authenticate(store: Store, request: FastifyRequest): Promise<Who> {
  const token = /^Bearer ([\x21-\x7e]{16,200})$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined)
    throw new HttpProblem(401, 'no-token', 'this needs a token', {
      exitCode: 4,
      next: "set MILLWRIGHT_TOKEN, or give --data with the factory's folder",
    });
  const person = await store.people.byToken(token);
  if (!person)
    throw new HttpProblem(401, 'bad-token', 'nobody has this token', {
      exitCode: 4,
      next: 'ask an administrator: ./millwright person enrol NAME --roles author',
    });
  return { ...person, actor: person.id as string as Actor };
}

/** Throws 403 unless `who` has one of the roles. */
export function requireRole(who: Who, ...roles: PersonRole[]): void {
  if (!roles.some((role) => who.roles.includes(role)))
    throw forbidden(
      `this needs the role ${roles.join(' or ')}; ${who.name} has ${who.roles.join(', ') || 'none'}`,
    );
}
