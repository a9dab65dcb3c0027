import type { Actor, AppendResult, AttemptRecord } from '@millwright/domain';

/** Distinct refusals a process puts on the trail: a fault that repeats for ever shall not fill it. */
const MAX = 100;

type Stream = { append(actor: Actor, records: readonly AttemptRecord[]): Promise<AppendResult> };

/**
 * Puts on the trail that the database refused this runner something (SQLSTATE 42501): its code never asks for what its role may not do, so
 * somebody's does. On the attempt that it claimed last and still holds; once for each thing refused. Never throws: where there is no such
 * attempt, or the append fails, `unrecorded` hears of it.
 */
export function runnerRefusals(
  incarnation: string,
  held: () => Stream | undefined,
  unrecorded: (reason: string, why: string) => void,
): (message: string) => void {
  const seen = new Set<string>();
  return (message) => {
    if (seen.has(message) || seen.size >= MAX) return;
    seen.add(message);
    const reason = message.slice(0, 4_000);
    const stream = held();
    if (stream === undefined) return unrecorded(reason, 'no attempt is held');
    stream
      .append(`runner/${incarnation}` as Actor, [
        { type: 'database.refused', data: { role: 'runner', reason } },
      ])
      .then(
        (done) => done.kind !== 'appended' && unrecorded(reason, `the append was a ${done.kind}`),
        (error: unknown) => unrecorded(reason, error instanceof Error ? error.message : String(error)),
      );
  };
}
