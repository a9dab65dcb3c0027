import { z } from 'zod';
import { Instant, RunnerName } from './ids.ts';

/** What a runner has, and a repository may ask for: its machine's own (`linux`, `x64`), and those that whoever runs it gives it. */
export const RunnerLabel = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,62}$/, 'a label is letters, digits and . _ : / @ + -, 63 at most');
/** With them, what a runner says of itself is short enough for its note. */
export const MAX_LABELS = 8;

/** What a runner says of itself when it begins, beside the trail: `runner/<name>` of the runners' notes. */
export const RunnerSaid = z.object({
  name: RunnerName,
  /** Of its process; its claims and its life in the database go by it. */
  incarnation: z.string(),
  version: z.string(),
  /** Attempts at a time. */
  concurrency: z.number().int(),
  /** Of the machine, as Node names them: `linux`, `x64`. */
  platform: z.string(),
  arch: z.string(),
  /** Those that it was given. */
  labels: z.array(RunnerLabel).max(MAX_LABELS).default([]),
  since: Instant,
});
export type RunnerSaid = z.infer<typeof RunnerSaid>;

/** All that it has: what it was given, and what its machine is. */
export const labelsOf = ({ labels, platform, arch }: Pick<RunnerSaid, 'labels' | 'platform' | 'arch'>) =>
  new Set([...labels, platform, arch]);
