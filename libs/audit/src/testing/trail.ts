import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Actor,
  type AttemptId,
  type Clock,
  type Digest,
  type Entry,
  type EntryOf,
  type StreamId,
  streamOf,
} from '@millwright/domain';
import type { WritableTrail } from '../trail.ts';

export const clock: Clock = { now: () => Date.now(), sleep: (ms) => sleep(ms) };
export const orchestrator = 'orchestrator' as Actor;
export const factory = streamOf.factory();
export const ticket = (n: number) => `ticket/tkt_${String(n).padStart(16, '0')}` as StreamId;
export const attemptId = (n: number) => `att_${String(n).padStart(16, '0')}` as AttemptId;
export const digest = (fill: string) => `sha256:${fill.repeat(64).slice(0, 64)}` as Digest;

export const halted = (reason: string): EntryOf<'factory.halted'> => ({
  type: 'factory.halted',
  data: { reason },
});

export const sandboxed = (container: string): EntryOf<'attempt.sandboxed'> => ({
  type: 'attempt.sandboxed',
  data: { container, purpose: 'agent' },
});

export const closed: EntryOf<'attempt.closed'> = {
  type: 'attempt.closed',
  data: { outcome: { kind: 'cancelled', reason: 'test' } },
};

/** Opens an attempt as the orchestrator does. */
/** Puts on the trail what its sealer says of a new key. */
export const keyOn = (trail: WritableTrail) => (entry: Entry) =>
  trail.read(streamOf.factory()).then(({ length }) =>
    trail.append({
      stream: streamOf.factory(),
      expectedVersion: length,
      actor: orchestrator,
      entries: [entry],
    }),
  );

export async function openAttempt(trail: WritableTrail, attempt: AttemptId): Promise<void> {
  const result = await trail.append({
    stream: streamOf.attempt(attempt),
    expectedVersion: 0,
    actor: orchestrator,
    entries: [
      {
        type: 'attempt.opened',
        data: {
          attempt,
          run: 'run_0000000000000001' as EntryOf<'attempt.opened'>['data']['run'],
          role: 'implement',
          spec: digest('a'),
          deadline: 1,
        },
      },
    ],
  });
  if (result.kind !== 'appended') throw new Error(`attempt not opened: ${result.kind}`);
}
