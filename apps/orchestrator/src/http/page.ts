import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { problem } from './problem.ts';
import { OfRepo } from './routes/repos.ts';

/** Which part of a list: the newest `limit`, or those before the one that `before` names. What a request costs is bounded by `limit`. */
export const PageOfRepo = OfRepo.extend({
  limit: z.coerce.number().int().min(1).max(500).default(200),
  before: z.string().max(100).optional(),
});

/** The header that names the `before` of the next page; it is left out on the last one. */
const NEXT = 'next-before';

/** The page of `all`, both oldest first. A keyset: what is added meanwhile moves no page. */
export function pageOf<T extends { id: string }>(
  all: readonly T[],
  { limit, before }: { limit: number; before?: string | undefined },
  reply: FastifyReply,
): T[] {
  const end = before === undefined ? all.length : all.findIndex(({ id }) => id === before);
  if (end < 0) throw problem('bad-cursor', `there is no ${before} in this list`);
  const page = all.slice(Math.max(0, end - limit), end);
  const [oldest] = page;
  if (end > limit && oldest !== undefined) reply.header(NEXT, oldest.id);
  return page;
}
