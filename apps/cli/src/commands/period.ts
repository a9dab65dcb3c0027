import type { Options } from '../connection.ts';
import type { Context } from '../context.ts';
import { parseInstant } from '../text/parse.ts';

/** The period and repository that `--since` and `--repo` name. */
export const periodOf = (context: Context, { since, repo }: Options): { from?: number; repo?: string } => ({
  ...(typeof since === 'string' ? { from: parseInstant(since, '--since', context.now()) } : {}),
  ...(typeof repo === 'string' ? { repo } : {}),
});
