import { z } from 'zod';
import { attemptEntries } from './attempt.ts';
import { factoryEntries } from './factory.ts';
import { personEntries } from './person.ts';
import { repositoryEntries } from './repository.ts';
import { runEntries } from './run.ts';
import { targetEntries } from './target.ts';
import { ticketEntries } from './ticket.ts';
import { unitEntries } from './unit.ts';

export { AttemptOutcome, Usage } from './attempt.ts';
export { type FactoryEntry, HaltAction, HaltScope } from './factory.ts';
export { CommitAndTree } from './form.ts';
export { OutsideAccount, type PersonEntry, PersonRole, RoleScope } from './person.ts';
export { PlaceKind, type RepositoryEntry } from './repository.ts';
export { GateAction, ParkCause, RunEnd } from './run.ts';
export type { TargetEntry } from './target.ts';
export { OutsideEffect, OutsideReference, type TicketEntry } from './ticket.ts';
export type { UnitEntry } from './unit.ts';

// Every state change is one of these. One tagged union for the whole trail, so that a reader switches on `type` and the compiler
// says what is missing. What is marked `freeText` nothing decides on, so it can be redacted (words.ts).
// Old versions are upcast on reading, never rewritten.

export const Entry = z.discriminatedUnion('type', [
  ...factoryEntries,
  ...personEntries,
  ...repositoryEntries,
  ...ticketEntries,
  ...runEntries,
  ...attemptEntries,
  ...targetEntries,
  ...unitEntries,
]);
export type Entry = z.infer<typeof Entry>;
export type EntryType = Entry['type'];
export type EntryOf<T extends EntryType> = Extract<Entry, { type: T }>;
