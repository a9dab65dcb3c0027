import { CHECKS_FOLDER, decides, hasOwnCode, type SpecOf } from '@millwright/domain';
import { z } from 'zod';
import { dataBlock, oneLine } from '../data-block.ts';
import {
  acceptanceBlock,
  adviceBlocks,
  excerptBlocks,
  facts,
  factsBlock,
  measuredBlock,
  ticketBlock,
} from './facts.ts';
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

/** What is wrong with a check that only runs a program of the tree, or null. */
function onlyRunsTheTree({ acceptance, command }: z.infer<typeof Input>['checks'][number]): string | null {
  const by = decides(command);
  if (by.by !== 'tree' || hasOwnCode(command)) return null;
  return `The check of "${oneLine(acceptance).slice(0, 200)}" only runs a program of the repository (${oneLine(by.program).slice(0, 200)}), and the exit code of that shows nothing. Look at what it does from outside: write a test file in ${CHECKS_FOLDER} that starts it and asserts what it printed or made (node --test ${CHECKS_FOLDER}/NAME.test.mjs), or end the command with a program of the system that looks (… | grep -qx …).`;
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
    const problems = checks.flatMap((check) => onlyRunsTheTree(check) ?? []);
    if (problems.length > 0) return { kind: 'refused', problem: problems.join('\n').slice(0, 4_000) };
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
      ...excerptBlocks(materials),
      ...disputed.map(disputedBlock),
      ...adviceBlocks(materials),
    ];
  },
};
