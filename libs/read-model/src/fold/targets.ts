import {
  type CanaryState,
  type Entry,
  type EntryOf,
  type Envelope,
  evolveCanaries,
  evolveTarget,
  type GitSha,
  type Instant,
  noTarget,
  type ReleaseId,
  type TargetState,
} from '@millwright/domain';

export type TargetInfo = TargetState & {
  /** Of its stream's last entry; 0 before the first. */
  version: number;
  /** The newest verdict of the canary under way or last under way. */
  judged: EntryOf<'target.judged'>['data'] | null;
  /** Its canaries, the newest last. */
  canaries: readonly CanaryState[];
  /** What was tried to bring it back, oldest first, the newest `HEALS_KEPT`. */
  heals: { at: Instant; ok: boolean; text: string }[];
  healed: number;
  notHealed: number;
  /** Healing was given up until then. */
  healPausedUntil: Instant | null;
  /** Whose merges are, or are being, reverted since the last release came to serve. */
  reverting: ReleaseId[];
  /** The commits that took back the merge behind a release, oldest first, the newest `REVERTS_KEPT`: of rollbacks by hand. */
  reverts: { release: ReleaseId; commit: GitSha }[];
};

/** As many as libs/rollback's back-off looks at. */
const HEALS_KEPT = 16;
const REVERTS_KEPT = 200;

export const NO_TARGET: TargetInfo = {
  ...noTarget(),
  version: 0,
  judged: null,
  canaries: [],
  heals: [],
  healed: 0,
  notHealed: 0,
  healPausedUntil: null,
  reverting: [],
  reverts: [],
};

/** A target after one more entry of its stream. */
export const foldTarget = (target: TargetInfo, envelope: Envelope, entry: Entry): TargetInfo => ({
  ...target,
  ...evolveTarget(target, entry, envelope),
  version: envelope.version,
  canaries: evolveCanaries(target.canaries, entry, envelope.at),
  ...healing(target, envelope.at, entry),
});

/** What the watch and the healing of a target say, beside what its stream says of its releases. */
function healing(target: TargetInfo, at: Instant, entry: Entry): Partial<TargetInfo> {
  const tried = (ok: boolean, text: string) => [...target.heals, { at, ok, text }].slice(-HEALS_KEPT);
  switch (entry.type) {
    case 'target.judged':
      return { judged: entry.data };
    case 'target.healed':
      return { heals: tried(true, entry.data.reason), healed: target.healed + 1 };
    case 'target.not-healed': {
      const { what, reason } = entry.data;
      return { heals: tried(false, `${what}: ${reason}`), notHealed: target.notHealed + 1 };
    }
    case 'target.heal-paused':
      return { healPausedUntil: entry.data.until };
    case 'target.released':
      // Another release: what was tried for the one before says nothing of it.
      return { heals: [], healPausedUntil: null, reverting: [] };
    case 'target.revert-started':
      return { reverting: [...target.reverting, entry.data.release] };
    case 'target.revert-finished': {
      const { release, commit } = entry.data;
      return commit === null
        ? {}
        : { reverts: [...target.reverts, { release, commit }].slice(-REVERTS_KEPT) };
    }
    default:
      return {};
  }
}
