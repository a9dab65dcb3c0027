import { z } from 'zod';
import { Instant, PersonId, RepoName, UnitName } from '../ids.ts';
import { e, reason } from './form.ts';
import { PlaceKind } from './repository.ts';

export const PersonRole = z.enum(['admin', 'author', 'approver']);
export type PersonRole = z.infer<typeof PersonRole>;

/** Where a role is had: everywhere, in the repositories of one unit, or in one repository. */
export const RoleScope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('factory') }),
  z.strictObject({ kind: z.literal('unit'), unit: UnitName }),
  z.strictObject({ kind: z.literal('repo'), repo: RepoName }),
]);
export type RoleScope = z.infer<typeof RoleScope>;

/** An account of a person at a place outside. */
export const OutsideAccount = z.strictObject({
  place: PlaceKind,
  api: z.url({ protocol: /^https?$/ }).max(2_048),
  account: z.string().min(1).max(64),
});
export type OutsideAccount = z.infer<typeof OutsideAccount>;

/** `person/<id>` */
export const personEntries = [
  /** The one-time code that this gave lets one person in, until then. They have these roles there; everywhere, where no scope is said. */
  e('person.invited', {
    person: PersonId,
    roles: z.array(PersonRole),
    scope: RoleScope.optional(),
    expiresAt: Instant,
  }),
  /** They used their code, and have a token that nobody else was shown. */
  e('person.accepted', { person: PersonId }),
  /** Their token opens nothing any more. `expiresAt`: of the code that another person was given for them; null: they have a new token. */
  e('person.rotated', { person: PersonId, expiresAt: Instant.nullable() }),
  /** They have this role there from now on; whoever said so is the entry's actor. */
  e('person.granted', { person: PersonId, role: PersonRole, scope: RoleScope, reason }),
  /** They have it there no more. What they have in another scope stands. */
  e('person.revoked', { person: PersonId, role: PersonRole, scope: RoleScope, reason }),
  /** What this account does there is theirs from now on: `account` is the id that it keeps when it is renamed, at the service whose interface is at `api`. */
  e('person.linked', { person: PersonId, ...OutsideAccount.shape, reason }),
  e('person.unlinked', { person: PersonId, ...OutsideAccount.shape, reason }),
  /** Their name, token and roles are gone; what they did stays, under their id. */
  e('person.erased', { person: PersonId, reason }),
] as const;
export type PersonEntry = z.infer<(typeof personEntries)[number]>;
