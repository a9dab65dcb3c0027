// What the simulator (tools/simulate) puts its own ports under.
export { BudgetReached } from '../attempt/agent.ts';
export { HaltWatch } from '../attempt/halts.ts';
export { runAttempt } from '../attempt/run-attempt.ts';
export type { Held, Runner } from '../attempt/runner.ts';
export { turnLog } from '../attempt/turn-log.ts';
