import {
  type Clock,
  type KnownSecrets as Known,
  knownSecrets as known,
  type SecretValues,
  secretValues,
} from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';

export type KnownSecrets = Known<SecretValues>;

/** Every secret of every repository, by its value. */
export const knownSecrets = (secrets: Secrets, clock: Clock): KnownSecrets =>
  known(async () => secretValues(await secrets.all()), clock);

/** The store, whose JSON artifacts have known values masked in their free text. */
export const maskedStore = (store: Store, known: KnownSecrets): Store => ({
  ...store,
  artifacts: {
    put: (bytes) => store.artifacts.put(bytes),
    get: (digest) => store.artifacts.get(digest),
    has: (digest) => store.artifacts.has(digest),
    ...(store.artifacts.stream === undefined ? {} : { stream: store.artifacts.stream }),
    mask: async () => known.mask,
  },
});
