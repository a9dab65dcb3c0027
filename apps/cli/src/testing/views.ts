import type { GateView, RunView, StageView } from '@millwright/api';
import { GateView as Gate, RunView as Run, StageView as Stage } from '@millwright/api';
import picocolors from 'picocolors';
import type { Look } from '../text/look.ts';
import { lookOf } from '../text/look.ts';

// What the factory would say, for tests of what people see of it.

const usage = { inputTokens: 1_200, outputTokens: 300, cacheReadTokens: 0, cacheWriteTokens: 0, usd: 0.0312 };
const START = Date.UTC(2026, 10, 21, 7, 0, 0);

export const now = START + 60_000;

/** A look without colours; `columns` wide, else unlimited. */
export const plainLook = (columns = Number.POSITIVE_INFINITY): Look => ({
  ...lookOf({ isTTY: false }, { LANG: 'C.UTF-8', NO_COLOR: '1' }),
  colour: picocolors.createColors(false),
  columns,
});

export const stage = (more: Partial<StageView> = {}): StageView =>
  Stage.parse({
    kind: 'plan',
    task: null,
    title: null,
    attempt: 1,
    attemptId: 'att_0000000000000001',
    state: 'running',
    reason: null,
    artifact: null,
    action: null,
    asks: null,
    doing: null,
    turns: 0,
    model: 'recorded/plan',
    startedAt: START,
    endedAt: null,
    usage,
    ...more,
  });

export const gate = (more: Partial<GateView> = {}): GateView =>
  Gate.parse({
    id: 'gate_0000000000000001',
    title: 'Add double',
    run: 'run_0000000000000001',
    repo: 'shop',
    action: 'merge',
    subject: `sha256:${'ab'.repeat(32)}`,
    state: 'waiting',
    decision: 'needs_approval',
    policies: ['default.protected-paths'],
    reason: 'the change touches a protected path',
    approvalsNeeded: 2,
    approvals: [],
    expiresAt: now + 3_600_000,
    changedAt: START + 30_000,
    facts: { action: 'merge', change: { risk: 'raised', protectedPaths: ['migrations/1.sql'] } },
    ...more,
  });

export const run = (more: Partial<RunView> = {}): RunView =>
  Run.parse({
    id: 'run_0000000000000001',
    ticket: 'tkt_0000000000000001',
    title: 'Add a discount',
    repo: 'shop',
    state: 'running',
    reason: null,
    model: 'recorded/plan',
    stages: [],
    gates: [],
    change: null,
    delivered: null,
    release: null,
    canary: null,
    usage,
    startedAt: START,
    endedAt: null,
    ...more,
  });
