import { type OutsideAccount, type PersonId, sameAccount } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Streams } from './streams.ts';

/** Whose account that is outside, as people's own streams have it now; null: nobody's here. */
export async function personOf(
  { store, streams }: { store: Pick<Store, 'people'>; streams: Streams },
  account: OutsideAccount,
): Promise<PersonId | null> {
  for (const { id, erased } of await store.people.list()) {
    if (erased) continue;
    const state = await streams.person(id).look();
    if (state.kind === 'person' && state.accounts.some((one) => sameAccount(one, account))) return id;
  }
  return null;
}
