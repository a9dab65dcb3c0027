import { type Appends, appendWith } from '@millwright/audit';
import { factoryStream, terminal } from '@millwright/domain';
import type { Logger } from 'pino';
import { ORCHESTRATOR } from './actor.ts';

/** Distinct refusals a process puts on the trail: a fault that repeats for ever shall not fill it. */
const MAX = 100;

/**
 * Puts on the trail that the database refused the orchestrator something (SQLSTATE 42501): its code never asks for what its role may not
 * do, so somebody's does. Once for each thing refused; never throws, and what cannot be recorded is in the log.
 */
export function recordRefusals(appends: Appends, log: Pick<Logger, 'error'>): (message: string) => void {
  const seen = new Set<string>();
  let last: Promise<void> = Promise.resolve();
  const record = async (reason: string): Promise<void> => {
    const entry = { type: 'database.refused', data: { role: 'orchestrator', reason } } as const;
    const done = await appendWith(appends, factoryStream(), ORCHESTRATOR, () => entry);
    if (done.kind === 'rejected') throw terminal(done.code, done.reason);
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
