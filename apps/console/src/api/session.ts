import { useSyncExternalStore } from 'react';

// The token of who has signed in. It is sent as a header, and lies in no address and no cookie: another page cannot make a browser send it.

const KEY = 'millwright.token';

/** `lapsed`: the factory knows the token no more; what is on the page stays until another is given. */
export type Session = { token: string | null; lapsed: boolean };

const stored = (): string | null => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);

let session: Session = { token: stored(), lapsed: false };
const listeners = new Set<() => void>();

function become(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

/** `stay`: on this device until it is signed out; otherwise as long as this tab is open. */
export function signIn(token: string, stay: boolean): void {
  forget();
  (stay ? localStorage : sessionStorage).setItem(KEY, token);
  become({ token, lapsed: false });
}

function forget(): void {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
}

export function signOut(): void {
  forget();
  become({ token: null, lapsed: false });
}

/** The factory refused this token. One that was given meanwhile stands. */
export function lapse(token: string | null): void {
  if (session.token === token && token !== null && !session.lapsed) become({ token, lapsed: true });
}

export const tokenNow = (): string | null => session.token;

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
};
export const useSession = (): Session => useSyncExternalStore(subscribe, () => session);
