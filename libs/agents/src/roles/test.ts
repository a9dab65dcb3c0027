import { CHECKS_FOLDER, type SpecOf } from '@millwright/domain';
import { z } from 'zod';
import { dataBlock } from '../data-block.ts';
import { acceptanceBlock, adviceBlocks, facts, factsBlock, measuredBlock, ticketBlock } from './facts.ts';
import type { RoleDefinition } from './role.ts';

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

/** Only a tester that is asked again is told. */
const DISPUTED = `you wrote checks before, and <disputed> holds against them; their files are in ${CHECKS_FOLDER}. Look at each point, mend the checks that are wrong, keep those that are right whatever is said of them, and hand in all of them again`;

function disputedBlock(
  { checks, by, why }: NonNullable<SpecOf<'test'>['disputed']>[number],
  index: number,
): string {
  const before = checks.checks.map(
    ({ acceptance, command, kind = 'change' }) => `- ${kind}: ${acceptance}\n  $ ${command}`,
  );
  return dataBlock('disputed', `${why}\n\nYour checks then:\n${before.join('\n')}`, {
    by: by === 'review' ? 'reviewer' : 'implementer',
    attempt: String(index + 1),
  });
}

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
    const { disputed = [] } = spec;
    return [
      facts(spec, null, 1 + disputed.length),
      factsBlock(spec, materials, disputed.length === 0 ? [] : [DISPUTED]),
      ticketBlock(spec.ticket),
      acceptanceBlock(spec),
      measuredBlock(spec.plan),
      ...disputed.map(disputedBlock),
      ...adviceBlocks(materials),
    ];
  },
};
