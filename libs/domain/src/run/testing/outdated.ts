import type { GateId, GitSha, ReleaseId } from '../../ids.ts';
import type { Run, RunEntry } from '../index.ts';

export const gateOf = (state: Run, gate: GateId) => state.gates.find((one) => one.gate === gate);
export const mayBeOutdated = (state: Run) => (state.rebuiltFrom?.times ?? 0) < state.limits.rebases;
/** What the release stands on was rolled back meanwhile. */
export const outdated = (state: Run, sha: () => GitSha): RunEntry => ({
  type: 'release.outdated',
  data: {
    release: state.release?.release ?? ('rel_00000000' as ReleaseId),
    commit: sha(),
    tree: sha(),
    reason: '',
  },
});
