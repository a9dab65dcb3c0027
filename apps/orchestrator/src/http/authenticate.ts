import type { Actor, PersonId, PersonRole } from '@millwright/domain';
import type { Person, Store } from '@millwright/store';
import type { FastifyRequest } from 'fastify';
import { forbidden, HttpProblem } from './problem.ts';

export type Who = Person & { actor: Actor };

/** The person who holds the token that the first start made: administrator and author. */
export const ADMIN = 'per_00000000admin' as PersonId;

const HOW = "set MILLWRIGHT_TOKEN or give --token, or --data with the factory's folder for its administrator";

/** Finds who asks by `Authorization: Bearer <token>`; tokens are known by their SHA-256 alone. Throws 401. */
export async function authenticate(store: Store, request: FastifyRequest): Promise<Who> {
  const given = request.headers.authorization;
  if (given === undefined || given.trim() === '')
    throw new HttpProblem(401, 'no-token', 'this needs a token, and none was given', {
      exitCode: 4,
      next: HOW,
    });
  const token = /^Bearer ([\x21-\x7e]{1,200})$/.exec(given)?.[1];
  const person = token === undefined ? null : await store.people.byToken(token);
  if (!person)
    throw new HttpProblem(
      401,
      'bad-token',
      "the token that was given is nobody's here: mistyped, of another factory, or rotated since",
      {
        exitCode: 4,
        next: `${HOW}; without one, ask an administrator: ./millwright person invite NAME --roles author, or person rotate ID`,
      },
    );
  return { ...person, actor: person.id as string as Actor };
}

/** Throws 403 unless `who` has one of the roles; the command that `who` may give instead, or an administrator. */
export function requireRole(who: Who, ...roles: PersonRole[]): void {
  if (roles.some((role) => who.roles.includes(role))) return;
  const [role = 'admin'] = roles;
  throw forbidden(
    `this needs the role ${roles.join(' or ')}; ${who.name} has ${who.roles.join(', ') || 'none'}`,
    `with the token of one who has it: MILLWRIGHT_TOKEN=… ./millwright …; ${who.roles.includes('admin') ? `let one in: ./millwright person invite NAME --roles ${role}` : 'who that is: ./millwright person list'}`,
  );
}
