import { accept, type Decider, reject } from './decider.ts';
import type { Entry } from './entries/index.ts';
import type { UnitEntry } from './entries/unit.ts';
import type { UnitName } from './ids.ts';

/** The unit of every repository that was given no other. It is there from the beginning: nobody adds it. */
export const DEFAULT_UNIT = 'default' as UnitName;

/** A business unit, as its stream has it. */
export type UnitState = { added: boolean };

export const unitDecider: Decider<UnitState, UnitEntry> = {
  initialState: () => ({ added: false }),
  evolve: (state, entry: Entry) => (entry.type === 'unit.added' ? { added: true } : state),
  decide: ({ record }, { added }) =>
    added || record.data.unit === DEFAULT_UNIT
      ? reject('exists', `there is a unit ${record.data.unit} already`)
      : accept(record),
};
