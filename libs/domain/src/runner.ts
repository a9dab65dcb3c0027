import { z } from 'zod';
import { Instant, RunnerName } from './ids.ts';

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
  since: Instant,
});
export type RunnerSaid = z.infer<typeof RunnerSaid>;
