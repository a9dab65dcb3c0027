import { Finding } from '@millwright/domain';
import { z } from 'zod';
import { adviceBlocks, diffBlock, facts, planBlock, taskBlock, ticketBlock } from './facts.ts';
import type { RoleDefinition } from './role.ts';

const Input = z.strictObject({
  verdict: z.enum(['approve', 'request_changes']),
  summary: z.string().min(1).max(20_000),
  findings: z.array(Finding).max(200),
});

export const reviewRole: RoleDefinition<'review'> = {
  role: 'review',
  submit: {
    name: 'submit_review',
    description:
      'Hand in the review and end. request_changes needs a blocker or major finding; approve allows minor ones only.',
    schema: Input,
  },
  writes: 'nowhere',
  accept(input) {
    const parsed = Input.safeParse(input);
    if (!parsed.success) return { kind: 'refused', problem: z.prettifyError(parsed.error) };
    const grave = parsed.data.findings.some((one) => one.severity !== 'minor');
    if (grave && parsed.data.verdict === 'approve')
      return { kind: 'refused', problem: 'a change with a blocker or major finding is not approved' };
    if (!grave && parsed.data.verdict === 'request_changes')
      return {
        kind: 'refused',
        problem: 'request_changes needs a finding that is a blocker or major, saying what to do',
      };
    return { kind: 'accepted', submission: parsed.data };
  },
  brief(spec, materials) {
    const whole = spec.task === null;
    return [
      facts(spec, spec.task?.id ?? null, 1),
      ticketBlock(spec.ticket),
      whole ? planBlock(spec.plan, true) : '',
      spec.task === null ? '' : taskBlock(spec.task),
      ...adviceBlocks(materials.advice),
      diffBlock(materials.diff),
    ];
  },
};
