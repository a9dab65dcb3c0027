import { z } from 'zod';
import { acceptanceBlock, adviceBlocks, facts, factsBlock, ticketBlock } from './facts.ts';
import type { RoleDefinition } from './role.ts';

/** The only folder the tester writes to: what is in it becomes the acceptance checks' files. */
export const CHECKS_FOLDER = '.millwright-checks';

const Input = z.strictObject({
  summary: z.string().min(1).max(20_000),
  checks: z
    .array(
      z.strictObject({
        acceptance: z.string().min(1).max(2_000),
        command: z.string().min(1).max(4_000),
        kind: z.enum(['change', 'guard']).optional(),
      }),
    )
    .max(64),
});

export const testRole: RoleDefinition<'test'> = {
  role: 'test',
  submit: {
    name: 'submit_tests',
    description:
      'Hand in the acceptance checks and end. Each command runs from the repository root and exits 0 when its acceptance holds. kind change (the default): fails now, holds after the change; guard: holds before and after.',
    schema: Input,
  },
  writes: { under: CHECKS_FOLDER },
  accept(input) {
    const parsed = Input.safeParse(input);
    if (!parsed.success) return { kind: 'refused', problem: z.prettifyError(parsed.error) };
    const { summary, checks } = parsed.data;
    const kinds = checks.map(({ kind, ...check }) => (kind === undefined ? check : { ...check, kind }));
    return { kind: 'accepted', submission: { summary, checks: kinds } };
  },
  brief(spec, materials) {
    return [
      facts(spec, null, 1),
      factsBlock(spec, materials),
      ticketBlock(spec.ticket),
      acceptanceBlock(spec),
      ...adviceBlocks(materials),
    ];
  },
};
