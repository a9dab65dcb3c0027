import { Excerpt, Plan, PlanTask, type SpecOf } from '@millwright/domain';
import { z } from 'zod';
import { dataBlock } from '../data-block.ts';
import { checkTasks } from '../plan-check.ts';
import { adviceBlocks, facts, factsBlock, planBlock, taskBlock, ticketBlock } from './facts.ts';
import type { RoleDefinition } from './role.ts';

type Split = NonNullable<SpecOf<'plan'>['split']>;

const Input = z.strictObject({
  summary: z.string().max(20_000),
  measured: z.string().max(20_000).optional(),
  excerpts: z.array(z.string()).max(16).optional(),
  tasks: z.array(PlanTask).optional(),
  question: z.string().max(20_000).optional(),
});

/** `src/a.js:10-40`, or one line; its text is the factory's to read. Null for what names no lines. */
function excerptOf(place: string): Excerpt | null {
  const [, path, first, last = first] = /^(.+?)(?<!:\d+):(\d+)(?:-(\d+))?$/.exec(place.trim()) ?? [];
  const parsed = Excerpt.safeParse({ path, from: Number(first), to: Number(last), text: '' });
  return parsed.success && parsed.data.from <= parsed.data.to ? parsed.data : null;
}

/** Only a planner that is asked again is told. */
const SPLIT =
  'there is a plan, and <task> of it was too large for one attempt: hand in tasks instead of this one alone, each well within an attempt. The workspace holds what is done of it (HEAD; `git diff HEAD~1`). Your first task begins there, with <unfinished>, and hands that in with what makes it whole; the others begin after it';

const splitBlocks = ({ plan, task, done, open }: Split): string =>
  [taskBlock(task), planBlock(plan, false), dataBlock('unfinished', `Done: ${done}\n\nOpen:\n${open}`)]
    .filter((block) => block !== '')
    .join('\n\n');

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
    const { summary, measured, tasks = [], question = '', excerpts: places } = parsed.data;
    if (question.trim() !== '') {
      if (spec.split !== undefined)
        return { kind: 'refused', problem: 'the plan stands, and its ticket was understood: split the task' };
      if (tasks.length > 0) return { kind: 'refused', problem: 'give either tasks or a question, not both' };
      return { kind: 'accepted', submission: { kind: 'question', summary, question } };
    }
    const problem = checkTasks(tasks, spec.maxTasks);
    if (problem !== null) return { kind: 'refused', problem };
    const bad = places?.find((place) => excerptOf(place) === null);
    if (bad !== undefined)
      return { kind: 'refused', problem: `excerpts: ${bad.slice(0, 200)} is no PATH:FROM-TO, in lines` };
    const excerpts = places?.flatMap((place) => excerptOf(place) ?? []);
    const plan = Plan.parse({ kind: 'tasks', summary, measured, excerpts, tasks });
    return { kind: 'accepted', submission: plan };
  },
  brief(spec, materials) {
    const answers = spec.answers.map(({ question, answer }) =>
      dataBlock('answer', `You asked: ${question}\nThe author answered: ${answer}`),
    );
    const evidence = spec.evidence.map((text) => dataBlock('evidence', text));
    const { split } = spec;
    return [
      facts(spec, split?.task.id ?? null, 1 + spec.answers.length),
      factsBlock(spec, materials, [`at most ${spec.maxTasks} tasks`, split === undefined ? '' : SPLIT]),
      ticketBlock(spec.ticket),
      split === undefined ? '' : splitBlocks(split),
      ...answers,
      ...evidence,
      ...adviceBlocks(materials),
      dataBlock('files', materials.files ?? ''),
      dataBlock('hits', materials.hits ?? '', { of: 'words of the ticket' }),
    ];
  },
};
