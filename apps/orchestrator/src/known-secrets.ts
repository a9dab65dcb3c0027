import { type Clock, type SecretValues, secretValues } from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { Pager } from './releases/pager.ts';

/** What was read so lately is not read again. Milliseconds: another orchestrator may have set one since. */
const FRESH_MS = 1_000;

/** Every secret that was set, as values to look for. What must not pass a secret asks `now`; what cannot wait (a log line) masks with the last. */
export type KnownSecrets = {
  /** As they are now, or were a second ago. Throws where one cannot be read: what is not known cannot be looked for. */
  now(): Promise<SecretValues>;
  /** Also those that were set since `now` was asked last, by this process. */
  forget(): void;
  mask(text: string): string;
};

export function knownSecrets(secrets: Secrets, clock: Clock): KnownSecrets {
  let last = secretValues([]);
  let read: { at: number; values: Promise<SecretValues> } | null = null;
  const load = async () => {
    const all = await secrets.all();
    last = secretValues(all.map(({ name, value }) => ({ name, value })));
    return last;
  };
  return {
    now() {
      const at = clock.now();
      if (read !== null && at - read.at >= 0 && at - read.at < FRESH_MS) return read.values;
      const mine = { at, values: load() };
      read = mine;
      mine.values.catch(() => {
        if (read === mine) read = null;
      });
      return mine.values;
    },
    forget() {
      read = null;
    },
    mask: (text) => last.mask(text),
  };
}

/** The store, whose JSON artifacts have known values masked in their free text. */
export const maskedStore = (store: Store, known: KnownSecrets): Store => ({
  ...store,
  artifacts: {
    put: (bytes) => store.artifacts.put(bytes),
    get: (digest) => store.artifacts.get(digest),
    has: (digest) => store.artifacts.has(digest),
    mask: (text) => known.mask(text),
  },
});

/** Who is called is told no value. */
export const maskedPager =
  (pager: Pager, known: KnownSecrets): Pager =>
  (page) =>
    pager({ ...page, why: known.mask(page.why), what: known.mask(page.what) });
