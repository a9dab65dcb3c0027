import { z } from 'zod';
import { adviceBlocks, commands, facts, planBlock, ticketBlock } from './facts.ts';
import type { RoleDefinition } from './role.ts';

/** The only folder the tester writes to: what is in it becomes the acceptance checks' files. */
export const CHECKS_FOLDER = '.millwright-checks';

const Input = z.strictObject({
  summary: z.string().min(1).max(20_000),
  checks: z
    .array(
      z.strictObject({ acceptance: z.string().min(1).max(2_000), command: z.string().min(1).max(4_000) }),
    )
    .max(64),
});

export const testRole: RoleDefinition<'test'> = {
  role: 'test',
  submit: {
    name: 'submit_tests',
    description:
      'Hand in the acceptance checks and end. Each command runs from the repository root and exits 0 when its acceptance holds.',
    schema: Input,
  },
  writes: { under: CHECKS_FOLDER },
  accept(input) {
    const parsed = Input.safeParse(input);
    return parsed.success
      ? { kind: 'accepted', submission: parsed.data }
      : { kind: 'refused', problem: z.prettifyError(parsed.error) };
  },
  brief(spec, materials) {
    return [
      facts(spec, null, 1),
      ticketBlock(spec.ticket),
      planBlock(spec.plan, true),
      commands(spec),
      ...adviceBlocks(materials.advice),
    ];
  },
};
