import { z } from 'zod';
import { GitSha } from '../ids.ts';
import { freeText } from '../words.ts';

export const e = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.strictObject({ type: z.literal(type), data: z.strictObject(shape) });

export const reason = freeText(z.string().max(4_000));

export const CommitAndTree = z.strictObject({ commit: GitSha, tree: GitSha });
export type CommitAndTree = z.infer<typeof CommitAndTree>;
