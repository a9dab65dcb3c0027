import { accept, type Decider, reject } from '../decider.ts';
import type { Entry, EntryOf } from '../entries/index.ts';
import type { RepositoryEntry } from '../entries/repository.ts';
import type { UnitName } from '../ids.ts';
import { DEFAULT_UNIT } from '../unit.ts';
import {
  type Autonomy,
  dropAfterCritical,
  dropAfterRollback,
  evolveAutonomy,
  NO_AUTONOMY,
} from './autonomy.ts';

/** A repository as its stream decides what may be said of it. What its releases have earned since is on its runs' streams. */
export type RepositoryState = {
  added: EntryOf<'repo.added'>['data'] | null;
  unit: UnitName;
  autonomy: Autonomy;
  /** Where its tickets come from and are told of, outside. */
  place: ForgePlace | null;
};

export type ForgePlace = Omit<EntryOf<'repo.connected'>['data'], 'repo'>;

export const repositoryDecider: Decider<RepositoryState, RepositoryEntry> = {
  initialState: () => ({ added: null, unit: DEFAULT_UNIT, autonomy: NO_AUTONOMY, place: null }),
  evolve: (state, entry: Entry, { at }) => ({
    added: entry.type === 'repo.added' ? entry.data : state.added,
    unit: unitAfter(state.unit, entry),
    autonomy: evolveAutonomy(state.autonomy, entry, at),
    place: placeAfter(state.place, entry),
  }),
  decide({ record }, { added, unit, autonomy, place }) {
    const { repo } = record.data;
    if (record.type === 'repo.added')
      return added !== null ? reject('exists', `there is a repository ${repo} already`) : accept(record);
    if (added === null) return reject('not-found', `there is no repository ${repo}`);
    switch (record.type) {
      case 'repo.step-set': {
        const { step, kind } = record.data;
        return kind !== undefined && step > autonomy.step
          ? reject(
              'above-repository',
              `${kind} changes of ${repo} cannot go further than ${repo}, which is at step ${autonomy.step}`,
            )
          : accept(record);
      }
      case 'autonomy.dropped': {
        const { kind, release, from, to } = record.data;
        // Once a release, and never below what is left.
        const drop =
          kind === null || release === null
            ? dropAfterCritical(autonomy)
            : dropAfterRollback(autonomy, kind, release);
        if (drop === null) return accept();
        return drop.from === from && drop.to === to
          ? accept(record)
          : reject('not-due', `what it costs now is step ${drop.from} to ${drop.to}`);
      }
      case 'autonomy.raise-proposed': {
        const lost = autonomy.lost.get(record.data.kind);
        return lost === undefined || lost.proposed ? accept() : accept(record);
      }
      case 'repo.moved':
        return record.data.unit === unit ? accept() : accept(record);
      case 'repo.connected': {
        const { repo: _, ...next } = record.data;
        return same(place, next) ? accept() : accept(record);
      }
      case 'repo.disconnected':
        return place === null ? accept() : accept(record);
      case 'repo.secret-set':
      case 'quarantine.lifted':
        return accept(record);
    }
  },
};

const same = (one: ForgePlace | null, other: ForgePlace): boolean =>
  one !== null &&
  one.kind === other.kind &&
  one.api === other.api &&
  one.project === other.project &&
  one.label === other.label;

/** Where a repository is connected to after one more entry of its stream. */
export function placeAfter(place: ForgePlace | null, entry: Entry): ForgePlace | null {
  if (entry.type === 'repo.disconnected') return null;
  if (entry.type !== 'repo.connected') return place;
  const { repo: _, ...next } = entry.data;
  return next;
}

/** The unit that a repository is of after one more entry of its stream. */
export function unitAfter(unit: UnitName, entry: Entry): UnitName {
  if (entry.type === 'repo.added') return entry.data.unit ?? DEFAULT_UNIT;
  return entry.type === 'repo.moved' ? entry.data.unit : unit;
}
