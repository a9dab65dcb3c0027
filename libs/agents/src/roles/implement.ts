import { CHECKS_FOLDER, type Feedback, isUnmet } from '@millwright/domain';
import { z } from 'zod';
import { dataBlock } from '../data-block.ts';
import {
  adviceBlocks,
  excerptBlocks,
  facts,
  factsBlock,
  findingsText,
  measuredBlock,
  planBlock,
  reportText,
  taskBlock,
  ticketBlock,
} from './facts.ts';
import type { RoleDefinition } from './role.ts';

const Input = z.strictObject({
  summary: z.string().min(1).max(20_000),
  commitMessage: z.string().max(10_000).optional(),
  blocked: z.string().max(10_000).optional(),
  unfinished: z.string().max(20_000).optional(),
});

export const implementRole: RoleDefinition<'implement'> = {
  role: 'implement',
  submit: {
    name: 'submit_change',
    description:
      'Hand in the workspace as it is and end. commitMessage, for the whole change: an imperative subject, then why; none: the one before stays. blocked: only where there is no change to make here, or the cause lies elsewhere: why, with the evidence; a person is asked. unfinished: only where the task is too large for one attempt: what is open, what was tried in vain; your work is kept, the planner splits the rest.',
    schema: Input,
  },
  writes: 'anywhere',
  accept(input, spec) {
    const parsed = Input.safeParse(input);
    if (!parsed.success) return { kind: 'refused', problem: z.prettifyError(parsed.error) };
    const { summary, blocked = '', unfinished = '', commitMessage = '' } = parsed.data;
    if (unfinished.trim() !== '')
      return blocked.trim() === ''
        ? { kind: 'accepted', submission: { summary, unfinished: unfinished.trim() } }
        : { kind: 'refused', problem: 'say either blocked or unfinished, not both' };
    const before = spec.feedback.findLast(({ said }) => said !== undefined)?.said?.commitMessage;
    const message = commitMessage.trim() === '' ? before : commitMessage;
    if (message === undefined)
      return { kind: 'refused', problem: 'commitMessage is missing: an imperative subject, then why' };
    const said = { summary, commitMessage: message };
    return {
      kind: 'accepted',
      submission: blocked.trim() === '' ? said : { ...said, blocked: blocked.trim() },
    };
  },
  unfinished: (why, note) => ({ summary: why, unfinished: note }),
  brief(spec, materials) {
    const others = spec.plan.kind === 'tasks' && spec.plan.tasks.length > 1;
    // What its planner read and measured, so that it is not looked for again.
    const plan = others ? planBlock(spec.plan, false) : dataBlock('plan', spec.plan.summary);
    const attempt = 1 + spec.feedback.length;
    const tries = attempt === 1 ? [] : [`this work may be sent back ${spec.triesLeft} times more`];
    return [
      facts(spec, spec.task.id, attempt),
      factsBlock(spec, materials, tries),
      ticketBlock(spec.ticket),
      taskBlock(spec.task),
      plan,
      measuredBlock(spec.plan),
      ...excerptBlocks(materials),
      ...adviceBlocks(materials),
      ...spec.feedback.map((one, index) => feedbackBlock(one, index + 1, attempt - 1)).toReversed(),
    ];
  },
};

const WRONG_CHECK = `The checks' files lie in ${CHECKS_FOLDER}, to read. Where a check is wrong and the change is right: submit with blocked and why; its tester looks at the check again.`;

/** What came of an earlier attempt; of all but the last in short. The workspace begins where the last one ended. */
function feedbackBlock(feedback: Feedback, attempt: number, last: number): string {
  const whole = attempt === last;
  const { said } = feedback;
  const was =
    said === undefined
      ? ''
      : `What was handed in: ${said.summary}${whole ? `\n\nIts commit message:\n${said.commitMessage}` : ''}`;
  const text = [textOf(feedback, whole), was].filter((part) => part !== '').join('\n\n');
  return dataBlock('feedback', text, { from: feedback.kind, attempt: String(attempt) });
}

function textOf(feedback: Feedback, whole: boolean): string {
  switch (feedback.kind) {
    case 'review':
      return `${feedback.review.summary}\n\n${findingsText(feedback.review.findings)}`;
    case 'tests':
      return [feedback.report.acceptance.some(isUnmet) ? WRONG_CHECK : '', reportText(feedback.report, whole)]
        .filter((part) => part !== '')
        .join('\n\n');
    case 'conflict':
      return `Conflicts in ${feedback.paths.join(', ')}:\n${feedback.message}`;
    case 'refused':
      return feedback.message;
    case 'unfinished':
      return `The task was too large for one attempt, which left it like this. Done: ${feedback.done}\n\nOpen then:\n${feedback.open}`;
    case 'answer':
      return `You were blocked: ${feedback.question}\n\nA person answers: ${feedback.answer}`;
  }
}
