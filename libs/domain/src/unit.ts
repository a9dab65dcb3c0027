import { accept, type Decider, reject } from './decider.ts';
import type { Entry } from './entries/index.ts';
import type { UnitEntry } from './entries/unit.ts';
import type { UnitName } from './ids.ts';

/** The unit of every repository that was given no other. It is there from the beginning: nobody adds it. */
export const DEFAULT_UNIT = 'default' as UnitName;

/** A business unit, as its stream has it. */
export type UnitState = { added: boolean; policy: string | null };

export const unitDecider: Decider<UnitState, UnitEntry> = {
  initialState: () => ({ added: false, policy: null }),
  evolve(state, entry: Entry) {
    if (entry.type === 'unit.added') return { ...state, added: true };
    return entry.type === 'unit.policy-set' ? { ...state, policy: entry.data.policy } : state;
  },
  decide({ record }, { added, policy }) {
    const { unit } = record.data;
    const there = added || unit === DEFAULT_UNIT;
    if (record.type === 'unit.added')
      return there ? reject('exists', `there is a unit ${unit} already`) : accept(record);
    if (!there) return reject('not-found', `there is no unit ${unit}`);
    return record.data.policy === policy ? accept() : accept(record);
  },
};
