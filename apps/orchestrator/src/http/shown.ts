import type { Route } from '@millwright/api';
import { maskDeep } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import { withNames } from './names.ts';

type Ports = { knownSecrets: KnownSecrets; store: Pick<Store, 'people'> };

/**
 * An answer as it leaves, whether at once or in a stream. What runners stored knows no secrets' values; what is shown of it does. Whom the trail
 * has by an id, people read by name. Proofs are over bytes, and stay as they are.
 */
export async function shown(factory: Ports, route: Route, answer: unknown): Promise<unknown> {
  const masked = route.masked ? maskDeep(answer, factory.knownSecrets.mask) : answer;
  return route.for === 'people' && !route.asRecorded ? withNames(factory, masked) : masked;
}
