import { Finding, type SpecOf } from '@millwright/domain';
import { z } from 'zod';
import { dataBlock } from '../data-block.ts';
import { bounded } from '../tools/bound.ts';
import {
  adviceBlocks,
  diffBlock,
  facts,
  factsBlock,
  findingsText,
  planBlock,
  saidBlock,
  taskBlock,
  testedBlock,
  ticketBlock,
} from './facts.ts';
import type { RoleDefinition } from './role.ts';

const Input = z.strictObject({
  verdict: z.enum(['approve', 'request_changes']),
  summary: z.string().min(1).max(20_000),
  findings: z.array(Finding).max(200),
});

/** After a conflict the places where two sides met are what nobody has approved. */
const metText = ({ paths, alone }: NonNullable<SpecOf<'review'>['conflict']>): string =>
  `since the last review, which approved it, other work was integrated and conflicted with it in ${paths.join(', ')}; <interdiff> leads from both sides between markers to what stands there now. ${
    alone
      ? 'Nothing else was touched, so there is no <diff>: judge those places alone (both intents kept, nothing lost, no marker left); `git diff HEAD~1` has the rest, as it was approved'
      : 'More than those places was touched: judge all that <interdiff> shows'
  }`;

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
    const several = spec.plan.kind === 'tasks' && spec.plan.tasks.length > 1;
    const { conflict } = spec;
    const about = [
      whole && several
        ? 'this is the whole of several tasks, each reviewed by itself: look for interplay, leftovers, doubles'
        : '',
      spec.earlier.length === 0
        ? ''
        : `if you ask for changes, it may be sent back ${spec.triesLeft} times more`,
      conflict === undefined ? '' : metText(conflict),
    ];
    return [
      facts(spec, spec.task?.id ?? null, 1 + spec.earlier.length),
      factsBlock(spec, materials, about),
      ticketBlock(spec.ticket),
      whole ? planBlock(spec.plan, true) : '',
      spec.task === null ? '' : taskBlock(spec.task),
      ...adviceBlocks(materials),
      saidBlock(spec.said),
      testedBlock(spec.tested),
      ...spec.earlier.map((review, index) =>
        dataBlock('earlier', `${review.verdict}: ${review.summary}\n\n${findingsText(review.findings)}`, {
          attempt: String(index + 1),
        }),
      ),
      spec.open.length === 0 ? '' : dataBlock('open', findingsText(spec.open)),
      conflict?.alone === true ? '' : diffBlock(materials.diff),
      materials.interdiff === undefined ? '' : dataBlock('interdiff', bounded(materials.interdiff, 100_000)),
    ];
  },
};
