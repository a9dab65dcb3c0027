import type { AttemptId, AttemptRecord, Digest, Entry, RunId } from '@millwright/domain';

// The entries of a stage with nothing to do, as the factory writes them.

const NOTHING = `sha256:${'0'.repeat(64)}` as Digest;
const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, usd: 0 };

export const stageOpened = (attempt: AttemptId, nth: number): Entry => ({
  type: 'stage.opened',
  data: { stage: `plan#${nth}`, role: 'plan', task: null, attempt, spec: NOTHING, inputs: [NOTHING] },
});
export const attemptOpened = (attempt: AttemptId, run: RunId): Entry => ({
  type: 'attempt.opened',
  data: { attempt, run, role: 'plan', spec: NOTHING, deadline: Date.now() + 600_000 },
});
export const attemptClosed: AttemptRecord = {
  type: 'attempt.closed',
  data: { outcome: { kind: 'done', artifact: NOTHING } },
};
export const stageClosed = (attempt: AttemptId, nth: number): Entry => ({
  type: 'stage.closed',
  data: { stage: `plan#${nth}`, attempt, outcome: { kind: 'done', artifact: NOTHING }, usage },
});
export const turnRecorded = (turn: number): AttemptRecord[] => [
  { type: 'turn.asked', data: { turn, model: 'none' } },
  {
    type: 'turn.recorded',
    data: { turn, record: NOTHING, workspace: null, model: 'none', usage, action: 'nothing' },
  },
];
