import { accept, type Decider, reject } from './decider.ts';
import type { Entry } from './entries/index.ts';
import type { OutsideAccount, PersonEntry } from './entries/person.ts';
import { nameOfScope } from './halt.ts';
import type { PersonId } from './ids.ts';
import { type Grant, sameGrant } from './roles.ts';

/** The administrator that a factory begins with, whose token lies in its folder. Nobody invited them. */
export const FIRST_ADMIN = 'per_00000000admin' as PersonId;
const FIRST_GRANTS: readonly Grant[] = [
  { role: 'admin', scope: { kind: 'factory' } },
  { role: 'author', scope: { kind: 'factory' } },
];

/** A person as their stream has it; what they are called, and their token, are not on the trail. */
export type PersonState =
  | { kind: 'none' }
  | {
      kind: 'person';
      grants: readonly Grant[];
      is: 'invited' | 'enrolled' | 'erased';
      /** Outside. */
      accounts: readonly OutsideAccount[];
    };

export const sameAccount = (one: OutsideAccount, other: OutsideAccount): boolean =>
  one.place === other.place && one.api === other.api && one.account === other.account;

/** What a person was granted. Nobody grants the first administrator anything, or revokes it. */
export const grantsOf = (person: PersonId, state: PersonState): readonly Grant[] =>
  person === FIRST_ADMIN ? FIRST_GRANTS : state.kind === 'none' ? [] : state.grants;

function evolve(state: PersonState, entry: Entry): PersonState {
  if (state.kind === 'none') {
    if (entry.type !== 'person.invited') return state;
    const { roles, scope = { kind: 'factory' } } = entry.data;
    return { kind: 'person', grants: roles.map((role) => ({ role, scope })), is: 'invited', accounts: [] };
  }
  switch (entry.type) {
    case 'person.accepted':
      return { ...state, is: 'enrolled' };
    case 'person.rotated':
      return { ...state, is: entry.data.expiresAt === null ? 'enrolled' : 'invited' };
    case 'person.granted': {
      const { role, scope } = entry.data;
      return { ...state, grants: [...state.grants, { role, scope }] };
    }
    case 'person.revoked': {
      const gone = entry.data;
      return { ...state, grants: state.grants.filter((one) => !sameGrant(one, gone)) };
    }
    case 'person.linked':
    case 'person.unlinked': {
      const { person: _, reason: __, ...account } = entry.data;
      const others = state.accounts.filter((one) => !sameAccount(one, account));
      return { ...state, accounts: entry.type === 'person.linked' ? [...others, account] : others };
    }
    case 'person.erased':
      return { ...state, grants: [], is: 'erased', accounts: [] };
    default:
      return state;
  }
}

/** Why nothing of this is recorded of them. */
const AS_FIRST: Record<PersonEntry['type'], string> = {
  'person.invited': 'the first administrator is there from the beginning',
  'person.accepted': 'the first administrator has a token from the beginning',
  'person.rotated': "the first administrator's token lies in the factory's own folder",
  'person.granted': 'the first administrator is administrator and author of the factory, and nothing else',
  'person.revoked': 'the first administrator is administrator and author of the factory, and stays that',
  'person.linked': 'the first administrator has no account outside: invite a person',
  'person.unlinked': 'the first administrator has no account outside',
  'person.erased': "the first administrator's name is no person's",
};

export const personDecider: Decider<PersonState, PersonEntry> = {
  initialState: () => ({ kind: 'none' }),
  evolve,
  decide({ record, actor }, state) {
    const { person } = record.data;
    if (person === FIRST_ADMIN) return reject('is-admin', AS_FIRST[record.type]);
    if (state.kind === 'none')
      return record.type === 'person.invited'
        ? accept(record)
        : reject('not-found', `there is no person ${person}`);
    // Recorded first, then done: killed in between, who asks once more finds it recorded.
    if (state.is === 'erased')
      return record.type === 'person.erased' ? accept() : reject('not-found', `${person} was erased`);
    const own = String(actor) === String(person);
    switch (record.type) {
      case 'person.invited':
        return reject('exists', `${person} was invited already`);
      case 'person.rotated':
        // A new token is shown to whom it is for alone; another person gets them a code.
        if ((record.data.expiresAt === null) !== own)
          return reject('not-due', 'a token is for its own person, and a code is given by another');
        return own && state.is !== 'enrolled'
          ? reject('not-due', `${person} has no token yet: the code that they were given gets them one`)
          : accept(record);
      case 'person.granted':
        if (own) return reject('own-role', 'nobody grants a role to themselves');
        return state.grants.some((one) => sameGrant(one, record.data)) ? accept() : accept(record);
      case 'person.revoked': {
        const { role, scope } = record.data;
        return state.grants.some((one) => sameGrant(one, record.data))
          ? accept(record)
          : reject('not-granted', `${person} was not granted ${role} of ${nameOfScope(scope)}`);
      }
      case 'person.linked':
        return state.accounts.some((one) => sameAccount(one, record.data)) ? accept() : accept(record);
      case 'person.unlinked':
        return state.accounts.some((one) => sameAccount(one, record.data))
          ? accept(record)
          : reject('not-linked', `${person} is not linked to that account`);
      case 'person.accepted':
      case 'person.erased':
        return accept(record);
    }
  },
};
