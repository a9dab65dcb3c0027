import type { Instant, OutsideReference } from '@millwright/domain';

/** An account of a forge, by the id that it keeps when it is renamed. */
type Account = { id: string; name: string };

/** An issue as it is now. `number` is how people call it. */
export type Issue = {
  number: number;
  title: string;
  body: string;
  url: string;
  open: boolean;
  labels: string[];
  /** When anything of it changed last; what is the same twice need not be looked at again. */
  changed: string;
};

/** Who made an issue a ticket. `id`: of that one event, which is another when it is done again. `mayWrite`: whether that account may push, as the forge says now. */
export type Trigger = { id: string; by: Account; at: Instant; mayWrite: boolean };

/** A change that is proposed: a pull request. */
export type Proposal = {
  reference: OutsideReference;
  state: 'open' | 'merged' | 'closed';
  /** Who merged it, where somebody did. */
  by: Account | null;
};

/** Whether something that will be done may be done, and what mends it. `unknown`: it cannot be tried without doing it. */
export type Right = { right: string; has: 'yes' | 'no' | 'unknown'; fix: string };

/**
 * One project of a forge: where tickets are written and changes reviewed. What is done twice under one key is there once: it is looked up before
 * it is made, and read back after. Throws a `DriveError`: *retryable* where the forge is away or asks to wait (`retryAfterMs`), *terminal* with
 * the code `place-refused` where it refuses.
 */
export type Forge = {
  /** What each that is used needs, tried without changing anything. */
  rights(): Promise<Right[]>;
  /** The account of that name now; null where there is none. */
  account(name: string): Promise<Account | null>;
  /** The open issues with this label; null where nothing has changed since what `etag` names. */
  labelled(
    label: string,
    etag: string | null,
  ): Promise<{ issues: readonly Issue[]; etag: string | null } | null>;
  /** Who gave it the label last; null where nobody has, as far as the forge tells. */
  trigger(issue: number, label: string): Promise<Trigger | null>;
  /** Makes the comment of this key say `body`; `known`: what it is called, where that is known. */
  say(issue: number, key: string, body: string, known: OutsideReference | null): Promise<OutsideReference>;
  /** Opens or closes an issue; nothing where it is so. */
  setOpen(issue: number, open: boolean): Promise<OutsideReference>;
  /** Proposes a branch, or makes the open proposal of that branch say this. */
  propose(change: { head: string; base: string; title: string; body: string }): Promise<Proposal>;
  proposal(reference: OutsideReference): Promise<Proposal>;
};
