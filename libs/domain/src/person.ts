import { accept, type Decider, reject } from './decider.ts';
import type { Entry, PersonRole } from './entries/index.ts';
import type { PersonEntry } from './entries/person.ts';
import type { PersonId } from './ids.ts';

/** The administrator that a factory begins with, whose token lies in its folder. Nobody invited them. */
export const FIRST_ADMIN = 'per_00000000admin' as PersonId;

/** A person as their stream has it; what they are called, and their token, are not on the trail. */
export type PersonState =
  | { kind: 'none' }
  | { kind: 'person'; roles: readonly PersonRole[]; is: 'invited' | 'enrolled' | 'erased' };

function evolve(state: PersonState, entry: Entry): PersonState {
  if (state.kind === 'none')
    return entry.type === 'person.invited'
      ? { kind: 'person', roles: entry.data.roles, is: 'invited' }
      : state;
  switch (entry.type) {
    case 'person.accepted':
      return { ...state, is: 'enrolled' };
    case 'person.rotated':
      return { ...state, is: entry.data.expiresAt === null ? 'enrolled' : 'invited' };
    case 'person.erased':
      return { ...state, roles: [], is: 'erased' };
    default:
      return state;
  }
}

export const personDecider: Decider<PersonState, PersonEntry> = {
  initialState: () => ({ kind: 'none' }),
  evolve,
  decide({ record, actor }, state) {
    const { person } = record.data;
    if (person === FIRST_ADMIN)
      return reject(
        'is-admin',
        record.type === 'person.rotated'
          ? "the first administrator's token lies in the factory's own folder"
          : "the first administrator's name is no person's",
      );
    if (state.kind === 'none')
      return record.type === 'person.invited'
        ? accept(record)
        : reject('not-found', `there is no person ${person}`);
    // Recorded first, then done: killed in between, who asks once more finds it recorded.
    if (state.is === 'erased')
      return record.type === 'person.erased' ? accept() : reject('not-found', `${person} was erased`);
    switch (record.type) {
      case 'person.invited':
        return reject('exists', `${person} was invited already`);
      case 'person.rotated': {
        const own = String(actor) === String(person);
        // A new token is shown to whom it is for alone; another person gets them a code.
        if ((record.data.expiresAt === null) !== own)
          return reject('not-due', 'a token is for its own person, and a code is given by another');
        return own && state.is !== 'enrolled'
          ? reject('not-due', `${person} has no token yet: the code that they were given gets them one`)
          : accept(record);
      }
      case 'person.accepted':
      case 'person.erased':
        return accept(record);
    }
  },
};
