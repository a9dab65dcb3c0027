import type { Clock } from './ports.ts';
import { type SecretFinder, secretValues } from './secret-values.ts';

/** What was read so lately is not read again. Milliseconds: another process may have set one since. */
const FRESH_MS = 1_000;

/** Every secret that was set, to be looked for. What must not pass a secret asks `now`; what cannot wait (a log line) masks with the last. */
export type KnownSecrets<F extends SecretFinder = SecretFinder> = {
  /** As they are now, or were a second ago. Throws where one cannot be read: what is not known cannot be looked for. */
  now(): Promise<F>;
  /** Also those that were set since `now` was asked last, by this process. */
  forget(): void;
  mask(text: string): string;
};

export function knownSecrets<F extends SecretFinder>(load: () => Promise<F>, clock: Clock): KnownSecrets<F> {
  let last: SecretFinder = secretValues([]);
  let read: { at: number; found: Promise<F> } | null = null;
  return {
    now() {
      const at = clock.now();
      if (read !== null && at - read.at >= 0 && at - read.at < FRESH_MS) return read.found;
      const mine = { at, found: load() };
      read = mine;
      mine.found.then(
        (found) => {
          last = found;
        },
        () => {
          if (read === mine) read = null;
        },
      );
      return mine.found;
    },
    forget() {
      read = null;
    },
    mask: (text) => last.mask(text),
  };
}
