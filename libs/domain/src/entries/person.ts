import { z } from 'zod';
import { Instant, PersonId } from '../ids.ts';
import { e, reason } from './form.ts';

export const PersonRole = z.enum(['admin', 'author', 'approver']);
export type PersonRole = z.infer<typeof PersonRole>;

/** `person/<id>` */
export const personEntries = [
  /** The one-time code that this gave lets one person in, until then. */
  e('person.invited', { person: PersonId, roles: z.array(PersonRole), expiresAt: Instant }),
  /** They used their code, and have a token that nobody else was shown. */
  e('person.accepted', { person: PersonId }),
  /** Their token opens nothing any more. `expiresAt`: of the code that another person was given for them; null: they have a new token. */
  e('person.rotated', { person: PersonId, expiresAt: Instant.nullable() }),
  /** Their name, token and roles are gone; what they did stays, under their id. */
  e('person.erased', { person: PersonId, reason }),
] as const;
export type PersonEntry = z.infer<(typeof personEntries)[number]>;
