import type { Trail } from '@millwright/domain';
import { streamOf } from '@millwright/domain';
import type { Logger } from 'pino';
import { ORCHESTRATOR } from './actor.ts';

/** Distinct refusals a process puts on the trail: a fault that repeats for ever shall not fill it. */
const MAX = 100;

/**
 * Puts on the trail that the database refused the orchestrator something (SQLSTATE 42501): its code never asks for what its role may not
 * do, so somebody's does. Once for each thing refused; never throws, and what cannot be recorded is in the log.
 */
export function recordRefusals(
  trail: Pick<Trail, 'append' | 'read'>,
  log: Pick<Logger, 'error'>,
): (message: string) => void {
  const seen = new Set<string>();
  let last: Promise<void> = Promise.resolve();
  const record = async (reason: string): Promise<void> => {
    const stream = streamOf.factory();
    for (let tries = 0; tries < 20; tries++) {
      const expectedVersion = (await trail.read(stream)).at(-1)?.envelope.version ?? 0;
      const entry = { type: 'database.refused', data: { role: 'orchestrator', reason } } as const;
      const done = await trail.append({ stream, expectedVersion, actor: ORCHESTRATOR, entries: [entry] });
      if (done.kind === 'appended') return;
    }
    throw new Error('others are writing to the factory stream');
  };
  return (message) => {
    if (seen.has(message) || seen.size >= MAX) return;
    seen.add(message);
    const reason = message.slice(0, 4_000);
    log.error({ reason }, 'the database refused what this role may not do');
    last = last
      .then(() => record(reason))
      .catch((error: unknown) => log.error({ err: error, reason }, 'that could not be recorded'));
  };
}
