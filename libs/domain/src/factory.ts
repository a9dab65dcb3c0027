import { accept, type Decider, reject } from './decider.ts';
import type { FactoryEntry } from './entries/factory.ts';
import type { Entry, HaltScope } from './entries/index.ts';
import { evolveHalts, type Halt, type Halts, inForceHalts, nameOfScope, sameScope } from './halt.ts';
import type { Instant } from './ids.ts';

/** The factory's own stream, as far as it is decided on. */
export type FactoryState = {
  halts: Halts;
  /** Caps of budgets in US dollars, as people set them; null lifts one. */
  caps: ReadonlyMap<string, number | null>;
  /** How many stages of a scope are at work at once, as people set it; null lifts one. */
  limits: ReadonlyMap<string, number | null>;
  /** When this trail last came from a backup; null: never. */
  restoredAt: Instant | null;
};

export const factoryDecider: Decider<FactoryState, FactoryEntry> = {
  initialState: () => ({ halts: [], caps: new Map(), limits: new Map(), restoredAt: null }),
  evolve: ({ halts, caps, limits, restoredAt }, entry: Entry, said) => ({
    halts: evolveHalts(halts, entry, said),
    caps: entry.type === 'factory.budget-set' ? new Map([...caps, [entry.data.scope, entry.data.usd]]) : caps,
    limits:
      entry.type === 'factory.limit-set'
        ? new Map([...limits, [entry.data.scope, entry.data.stages]])
        : limits,
    restoredAt: entry.type === 'factory.restored' ? entry.data.restoredAt : restoredAt,
  }),
  decide({ record, actor }, { halts, restoredAt }) {
    switch (record.type) {
      case 'factory.halted': {
        const scope = record.data.scope ?? { kind: 'factory' as const };
        // Said twice it is one halt; with another reason, or by somebody else, it stands beside what is there.
        return inForceHalts(halts).some(
          (one) => sameScope(one.scope, scope) && one.by === actor && one.reason === record.data.reason,
        )
          ? accept()
          : accept(record);
      }
      case 'factory.resumed': {
        const inForce = inForceHalts(halts);
        const { scope, reason } = record.data;
        const lifts = meant(inForce, scope);
        if (lifts !== undefined)
          return accept({ type: 'factory.resumed', data: { scope: lifts.scope, reason } });
        if (inForce.length === 0) return reject('not-halted', 'nothing is halted');
        const halted = scopesOf(inForce).join(', ');
        return reject(
          'not-halted',
          scope === undefined
            ? `more than one halt is in force, say which to lift: ${halted}`
            : `${nameOfScope(scope)} has no halt of its own; halted ${scopesOf(inForce).length === 1 ? 'is' : 'are'}: ${halted}`,
        );
      }
      case 'factory.restored':
        // Said again by a start that was killed before it knew that it had said so.
        return record.data.restoredAt === restoredAt ? accept() : accept(record);
      case 'factory.started':
      case 'factory.budget-set':
      case 'factory.limit-set':
      case 'ladder.attested':
      case 'factory.key-rotated':
      case 'trail.redacted':
      case 'database.refused':
        return accept(record);
    }
  },
};

/** The halt that is to be lifted: of that scope; without one the whole factory's, or the only one there is. */
function meant(inForce: readonly Halt[], scope: HaltScope | undefined): Halt | undefined {
  if (scope !== undefined) return inForce.find((one) => sameScope(one.scope, scope));
  return (
    inForce.find((one) => one.scope.kind === 'factory') ??
    (scopesOf(inForce).length === 1 ? inForce[0] : undefined)
  );
}

const scopesOf = (halts: readonly Halt[]) => [...new Set(halts.map(({ scope }) => nameOfScope(scope)))];
