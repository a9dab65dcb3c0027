import type { Entry, EntryOf } from '../entries/index.ts';
import type { Envelope } from '../envelope.ts';
import {
  type CanaryState,
  evolveCanaries,
  evolveTarget,
  noTarget,
  type TargetState,
} from '../target/index.ts';

export type TargetInfo = TargetState & {
  /** Of its stream's last entry; 0 before the first. */
  version: number;
  /** The newest verdict of the canary under way or last under way. */
  judged: EntryOf<'target.judged'>['data'] | null;
  /** Its canaries, the newest last. */
  canaries: readonly CanaryState[];
};

export const NO_TARGET: TargetInfo = { ...noTarget(), version: 0, judged: null, canaries: [] };

/** A target after one more entry of its stream. */
export const foldTarget = (target: TargetInfo, envelope: Envelope, entry: Entry): TargetInfo => ({
  ...target,
  ...evolveTarget(target, entry, envelope),
  version: envelope.version,
  canaries: evolveCanaries(target.canaries, entry, envelope.at),
  judged: entry.type === 'target.judged' ? entry.data : target.judged,
});
