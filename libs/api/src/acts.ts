import { HaltScope, PersonRole, RoleScope, TicketKind } from '@millwright/domain';
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
  act('grant-role', { role: PersonRole, scope: RoleScope }),
  // People
  act('invite-person', { role: PersonRole, scope: RoleScope.optional() }),
  act('list-people', {}),
  act('rotate-person', {}),
  // Repositories
  act('list-units', {}),
  act('list-runners', {}),
  act('add-repo', {}),
  act('list-repos', {}),
  act('connect-repo', { repo }),
  act('check-connection', { repo }),
  act('set-secret', { name: z.string(), repo: repo.optional() }),
  act('show-budgets', {}),
  act('set-budget', { budget: z.string().optional() }),
  act('set-limit', { limit: z.string() }),
  act('show-autonomy', { repo }),
  act('set-autonomy', { repo, step: z.number().int(), kind: TicketKind.optional() }),
  // Tickets and runs
  act('list-tickets', {}),
  act('show-ticket', { id }),
  act('answer-ticket', { id, again: z.boolean() }),
  act('list-runs', {}),
  act('show-run', { id }),
  act('watch-run', { id }),
  act('cancel-run', { id }),
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
  act('lift-quarantine', { id }),
  act('show-targets', {}),
  act('roll-back', { repo: repo.optional(), id: id.optional() }),
  act('roll-back-offline', {}),
  act('undo-rollback', {}),
  act('abort-canary', { repo }),
  act('promote-canary', { repo }),
  act('thaw-target', { repo }),
  // The factory and its trail
  act('resume', { scope: HaltScope }),
  act('check-factory', {}),
  act('start-witness', {}),
  act('add-model', { model: z.string() }),
  act('rebuild-views', {}),
  act('show-trail', { since: z.number().int().optional() }),
  act('verify-trail', {}),
  act('export-evidence', { since: z.number().int().optional() }),
]);
export type Act = z.infer<typeof Act>;

/** What to do next: in words where no act says it, and by acts in the order in which they are done. `to` says which are a choice. */
export const Next = z.object({ hint: z.string().exactOptional(), acts: z.array(Act) });
export type Next = z.infer<typeof Next>;
