import { z } from 'zod';
import { adviceBlocks, diffBlock, facts, factsBlock, planBlock, ticketBlock } from './facts.ts';
import type { RoleDefinition } from './role.ts';

const Input = z.strictObject({
  notes: z.string().min(1).max(20_000),
  watch: z.array(z.string().min(1).max(1_000)).max(32),
});

export const deployRole: RoleDefinition<'deploy'> = {
  role: 'deploy',
  submit: {
    name: 'submit_release',
    description: 'Hand in the release notes (Markdown) and what to watch after the deploy, and end.',
    schema: Input,
  },
  writes: 'nowhere',
  accept(input) {
    const parsed = Input.safeParse(input);
    return parsed.success
      ? { kind: 'accepted', submission: parsed.data }
      : { kind: 'refused', problem: z.prettifyError(parsed.error) };
  },
  brief(spec, materials) {
    const changed = spec.changed
      .map((one) => `- ${one.status} ${one.path} (+${one.added} −${one.removed})`)
      .join('\n');
    return [
      facts(spec, null, 1),
      factsBlock(spec, materials, [
        'the target observes: status codes, latency (p95 beside the release before), restarts, log lines',
        spec.before === null ? '' : `measured of the last release: ${spec.before}`,
      ]),
      ticketBlock(spec.ticket),
      planBlock(spec.plan, false),
      changed === '' ? '' : `Changed files:\n${changed}`,
      ...adviceBlocks(materials),
      diffBlock(materials.diff),
    ];
  },
};
