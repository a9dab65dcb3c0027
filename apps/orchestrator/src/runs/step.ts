import type { RunEntry } from '@millwright/domain';
import type { Loaded } from '../streams/run-stream.ts';

/** Appends to the run in the middle of a step (an intent before its effect) and hands on the state after it. */
export type Journal = (entry: RunEntry) => Promise<Loaded>;

/** What a step gives back: the entry that records its result, or null where there is nothing to record yet. */
export type StepResult = RunEntry | null;
