import type { Command } from 'commander';
import { does, leaf, noun } from './parts.ts';

/** What decides at gates. */
export function policyCommands(root: Command): void {
  const policy = noun(root, 'policy', 'what decides at gates');
  does(
    leaf(policy, 'show', 'the layers that judge a repository now: digests, where they are from, who set them')
      .requiredOption('--repo <name>', 'of this repository')
      .option('--text <layer>', 'the whole text of this layer instead: default, factory, unit or repository'),
    async () => (await import('../commands/policy.ts')).showLayers,
  );
  does(
    leaf(
      policy,
      'explain <gate>',
      'why a gate was decided so, and the fewest facts that would have to differ',
    ),
    async () => (await import('../commands/policy.ts')).explain,
  );
  does(
    leaf(policy, 'replay', 'which past decisions would be others under another policy; changes nothing')
      .requiredOption('--since <time>', 'decisions from this time on: 2026-11-21, 2026-11-21T14:30, or 30d')
      .requiredOption('--with <path>', 'the file or folder of that policy; none: without one')
      .option('--unit <name>', "in the place of this unit's policy")
      .option('--repo <name>', "in the place of this repository's"),
    async () => (await import('../commands/policy.ts')).replay,
  );
  does(
    leaf(policy, 'check <path>', 'is a policy sound: parses, fits the facts, can match; needs no factory'),
    async () => (await import('../commands/policy.ts')).check,
  );
  does(
    leaf(policy, 'test <path>', 'run the cases beside a policy (NAME.test.yaml); needs no factory'),
    async () => (await import('../commands/policy.ts')).test,
  );
}
