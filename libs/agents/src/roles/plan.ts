import { Plan, PlanTask } from '@millwright/domain';
import { z } from 'zod';
import { dataBlock } from '../data-block.ts';
import { checkTasks } from '../plan-check.ts';
import { adviceBlocks, facts, factsBlock, ticketBlock } from './facts.ts';
import type { RoleDefinition } from './role.ts';

const Input = z.strictObject({
  summary: z.string().max(20_000),
  tasks: z.array(PlanTask).optional(),
  question: z.string().max(20_000).optional(),
});

export const planRole: RoleDefinition<'plan'> = {
  role: 'plan',
  submit: {
    name: 'submit_plan',
    description:
      'Hand in the plan and end: either tasks, or one question to the author instead. Task ids: letters, digits, _ and -.',
    schema: Input,
  },
  writes: 'nowhere',
  accept(input, spec) {
    const parsed = Input.safeParse(input);
    if (!parsed.success) return { kind: 'refused', problem: z.prettifyError(parsed.error) };
    const { summary, tasks = [], question = '' } = parsed.data;
    if (question.trim() !== '') {
      if (tasks.length > 0) return { kind: 'refused', problem: 'give either tasks or a question, not both' };
      return { kind: 'accepted', submission: { kind: 'question', summary, question } };
    }
    const problem = checkTasks(tasks, spec.maxTasks);
    if (problem !== null) return { kind: 'refused', problem };
    return { kind: 'accepted', submission: Plan.parse({ kind: 'tasks', summary, tasks }) };
  },
  brief(spec, materials) {
    const answers = spec.answers.map(({ question, answer }) =>
      dataBlock('answer', `You asked: ${question}\nThe author answered: ${answer}`),
    );
    const evidence = spec.evidence.map((text) => dataBlock('evidence', text));
    return [
      facts(spec, null, 1 + spec.answers.length),
      factsBlock(spec, materials, [`at most ${spec.maxTasks} tasks`]),
      ticketBlock(spec.ticket),
      ...answers,
      ...evidence,
      ...adviceBlocks(materials),
    ];
  },
};
