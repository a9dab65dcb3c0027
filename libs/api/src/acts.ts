import { HaltScope, PersonRole, TicketKind } from '@millwright/domain';
import { z } from 'zod';

/** `to`: what for, where there is a choice: `to go on from where it was`. */
const act = <N extends string, S extends z.ZodRawShape>(name: N, shape: S) =>
  z.object({ act: z.literal(name), to: z.string().optional(), ...shape });

const id = z.string();
const repo = z.string();

/**
 * What can be done next, by name, and with what. Whoever shows it says it in its own way: the command line as a command, a console as
 * something to press.
 */
export const Act = z.discriminatedUnion('act', [
  // The same request once more, in another way.
  act('give', { field: z.string(), values: z.array(z.string()).optional() }),
  act('leave-out', { field: z.string() }),
  act('sign-in', {}),
  act('sign-in-as', { role: PersonRole }),
  // People
  act('invite-person', { role: PersonRole }),
  act('list-people', {}),
  act('rotate-person', {}),
  // Repositories
  act('list-units', {}),
  act('add-repo', {}),
  act('list-repos', {}),
  act('set-secret', { name: z.string() }),
  act('show-autonomy', { repo }),
  act('set-autonomy', { repo, step: z.number().int(), kind: TicketKind.optional() }),
  // Tickets and runs
  act('list-tickets', {}),
  act('answer-ticket', { id, again: z.boolean() }),
  act('list-runs', {}),
  act('show-run', { id }),
  act('explain-run', { id }),
  act('show-logs', { id }),
  act('retry-run', { id }),
  // Gates
  act('list-gates', {}),
  act('show-gate', { id }),
  act('approve-gate', { id }),
  // Releases and targets
  act('list-releases', {}),
  act('show-release', { id }),
  act('show-quarantine', {}),
  act('show-targets', {}),
  act('roll-back', {}),
  act('roll-back-offline', {}),
  act('undo-rollback', {}),
  act('abort-canary', { repo }),
  act('promote-canary', { repo }),
  act('thaw-target', { repo }),
  // The factory and its trail
  act('resume', { scope: HaltScope }),
  act('check-factory', {}),
  act('rebuild-views', {}),
  act('show-trail', {}),
  act('verify-trail', {}),
  act('export-evidence', { since: z.number().int().optional() }),
]);
export type Act = z.infer<typeof Act>;
