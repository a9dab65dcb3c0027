import { PersonRole, type RoleScope } from './entries/index.ts';
import { nameOfScope } from './halt.ts';
import type { RepoName, UnitName } from './ids.ts';

// Which roles a person has, and where. Pure: every route and every gate asks here.

/** One role in one scope. */
export type Grant = { readonly role: PersonRole; readonly scope: RoleScope };

/** Where something is done: in the factory as a whole, in a unit, or in a repository, with the unit that it is of now. */
export type Place =
  | { readonly kind: 'factory' }
  | { readonly kind: 'unit'; readonly unit: UnitName }
  | { readonly kind: 'repo'; readonly repo: RepoName; readonly unit: UnitName };

/** Whether what is had in the scope is had at the place. */
function reaches(scope: RoleScope, place: Place): boolean {
  switch (scope.kind) {
    case 'factory':
      return true;
    case 'unit':
      return place.kind !== 'factory' && place.unit === scope.unit;
    case 'repo':
      return place.kind === 'repo' && place.repo === scope.repo;
  }
}

/** The grants that a person acts by at a place. */
export const grantsAt = (grants: readonly Grant[], place: Place): Grant[] =>
  grants.filter(({ scope }) => reaches(scope, place));

/** The roles that a person has at a place. */
export function rolesAt(grants: readonly Grant[], place: Place): PersonRole[] {
  const at = grantsAt(grants, place);
  return PersonRole.options.filter((role) => at.some((one) => one.role === role));
}

/**
 * Why somebody with these grants gives nobody this role at a place; null where they may. An administrator of the place may: one of the factory
 * any role, another no role that they have not there themselves.
 */
export function whyNoGrant(own: readonly Grant[], role: PersonRole, place: Place): PersonRole | null {
  const roles = rolesAt(own, place);
  if (!roles.includes('admin')) return 'admin';
  return rolesAt(own, { kind: 'factory' }).includes('admin') || roles.includes(role) ? null : role;
}

export const sameGrant = (a: Grant, b: Grant): boolean =>
  a.role === b.role && JSON.stringify(a.scope) === JSON.stringify(b.scope);

/** `approver of unit payments; admin, author of the factory`, by scope; `no role`, where there is none. */
export function grantsText(grants: readonly Grant[]): string {
  const byScope = Map.groupBy(grants, ({ scope }) => nameOfScope(scope));
  const parts = [...byScope].map(([scope, some]) => `${some.map(({ role }) => role).join(', ')} of ${scope}`);
  return parts.length === 0 ? 'no role' : parts.join('; ');
}
