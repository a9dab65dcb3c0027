import type { Role, SpecOf } from '@millwright/domain';
import { z } from 'zod';
import type { Accepted, RoleDefinition } from './role.ts';

// What any role may hand in beside its work: faults that it came across outside of its task.

const Faults = z.array(z.string().trim().min(1).max(1_000)).max(10);
const Beside = z.looseObject({ noticed: z.unknown().optional() });

/** What a submit comes to: the role's own, and what was noticed beside it. */
export function acceptSubmit<R extends Role>(
  definition: Pick<RoleDefinition<R>, 'accept'>,
  input: unknown,
  spec: SpecOf<R>,
): Accepted<R> & { noticed: readonly string[] } {
  const parsed = Beside.safeParse(input);
  // Arguments that are no object are the role's to refuse.
  if (!parsed.success) return { ...definition.accept(input, spec), noticed: [] };
  const { noticed = [], ...own } = parsed.data;
  const faults = Faults.safeParse(noticed);
  if (!faults.success)
    return { kind: 'refused', problem: `noticed: ${z.prettifyError(faults.error)}`, noticed: [] };
  return { ...definition.accept(own, spec), noticed: faults.data };
}
