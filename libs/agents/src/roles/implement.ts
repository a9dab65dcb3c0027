import type { Feedback } from '@millwright/domain';
import { z } from 'zod';
import { dataBlock } from '../data-block.ts';
import {
  adviceBlocks,
  commands,
  facts,
  findingsText,
  planBlock,
  reportText,
  taskBlock,
  ticketBlock,
} from './facts.ts';
import type { RoleDefinition } from './role.ts';

const Input = z.strictObject({
  summary: z.string().min(1).max(20_000),
  commitMessage: z.string().min(1).max(10_000),
});

export const implementRole: RoleDefinition<'implement'> = {
  role: 'implement',
  submit: {
    name: 'submit_change',
    description: 'Hand in the workspace as it is and end. commitMessage: an imperative subject, then why.',
    schema: Input,
  },
  writes: 'anywhere',
  accept(input) {
    const parsed = Input.safeParse(input);
    return parsed.success
      ? { kind: 'accepted', submission: parsed.data }
      : { kind: 'refused', problem: z.prettifyError(parsed.error) };
  },
  brief(spec, materials) {
    const others = spec.plan.kind === 'tasks' && spec.plan.tasks.length > 1;
    return [
      facts(spec, spec.task.id, 1 + spec.feedback.length),
      ticketBlock(spec.ticket),
      taskBlock(spec.task),
      others ? planBlock(spec.plan, false) : '',
      commands(spec),
      ...adviceBlocks(materials.advice),
      ...spec.feedback.map((one, index) => feedbackBlock(one, index + 1)),
    ];
  },
};

/** What came of an earlier attempt. The workspace begins where that attempt ended. */
function feedbackBlock(feedback: Feedback, attempt: number): string {
  const block = (text: string) =>
    dataBlock('feedback', text, { from: feedback.kind, attempt: String(attempt) });
  switch (feedback.kind) {
    case 'review':
      return block(`${feedback.review.summary}\n\n${findingsText(feedback.review.findings)}`);
    case 'tests':
      return block(reportText(feedback.report));
    case 'conflict':
      return block(
        `Conflicts with work merged before yours, in ${feedback.paths.join(', ')}:\n${feedback.message}`,
      );
    case 'refused':
      return block(feedback.message);
  }
}
