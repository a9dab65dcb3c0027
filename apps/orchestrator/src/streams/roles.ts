import {
  FIRST_ADMIN,
  type Grant,
  grantsOf,
  type PersonId,
  type PersonRole,
  type Place,
  type RoleScope,
  rolesAt,
} from '@millwright/domain';
import type { Streams } from './streams.ts';

type Ports = { streams: Streams };

/** What a person was granted, as their own stream has it now. */
export async function grantsOfPerson({ streams }: Ports, id: PersonId): Promise<readonly Grant[]> {
  // Nothing is on the stream of the first administrator.
  return id === FIRST_ADMIN ? grantsOf(id, { kind: 'none' }) : grantsOf(id, await streams.person(id).look());
}

/** Where a scope is: a repository is a place of the unit that it is of now. */
export const placeOf = async ({ streams }: Ports, scope: RoleScope): Promise<Place> =>
  scope.kind === 'repo' ? { ...scope, unit: (await streams.repository(scope.repo).look()).unit } : scope;

/** Whether a person has one of the roles there now. */
export async function hasRole(
  ports: Ports,
  id: PersonId,
  roles: readonly PersonRole[],
  scope: RoleScope,
): Promise<boolean> {
  const grants = await grantsOfPerson(ports, id);
  const has = (place: Place) => rolesAt(grants, place).some((role) => roles.includes(role));
  // Who has it everywhere waits for no look at the repository.
  return has({ kind: 'factory' }) || (scope.kind !== 'factory' && has(await placeOf(ports, scope)));
}
