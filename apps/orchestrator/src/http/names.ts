import type { Store } from '@millwright/store';

type Ports = { store: Store };

/** People's names by id: they lie outside the trail. */
export async function namesOf(factory: Ports): Promise<Map<string, string>> {
  return new Map((await factory.store.people.list()).map((person) => [person.id as string, person.name]));
}
