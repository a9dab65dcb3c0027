import type { OpenTrail } from '@millwright/audit';
import type { Listed, ListPage, ReadModel } from '@millwright/read-model';
import type { FastifyReply } from 'fastify';
import { problem } from './problem.ts';

type Asked = { limit: number; cursor?: string | undefined };

/** More follows after this one. */
export function nextIs(reply: FastifyReply, cursor: string): void {
  const next = new URL(reply.request.url, 'http://factory');
  next.searchParams.set('cursor', cursor);
  reply.header('link', `<${next.pathname}${next.search}>; rel="next"`);
}

const placeOf = <T>(all: readonly T[], keyOf: (one: T) => string, cursor: string): number => {
  const at = all.findIndex((one) => keyOf(one) === cursor);
  if (at < 0) throw problem('bad-cursor', `there is no ${cursor} in this list`);
  return at;
};

/** The newest part of `all`, or the one before the cursor; both oldest first. */
export function newestOf<T>(
  all: readonly T[],
  { limit, cursor }: Asked,
  reply: FastifyReply,
  keyOf: (one: T) => string,
): T[] {
  const end = cursor === undefined ? all.length : placeOf(all, keyOf, cursor);
  const part = all.slice(Math.max(0, end - limit), end);
  const [oldest] = part;
  if (end > limit && oldest !== undefined) nextIs(reply, keyOf(oldest));
  return part;
}

type Ports = { readModel: ReadModel; trail: OpenTrail };

/** With all that was on the trail before it was asked for. */
async function partOf<T>(
  { readModel, trail }: Ports,
  reply: FastifyReply,
  cursor: string | undefined,
  read: (rows: ReadModel) => Promise<ListPage<T>>,
  keyOf: (one: T) => string,
): Promise<T[]> {
  const head = await trail.head();
  await readModel.reached(head);
  const page = await read(readModel);
  if (page.kind === 'unknown-cursor') throw problem('bad-cursor', `there is no ${cursor} in this list`);
  const [oldest] = page.items;
  if (page.more && oldest !== undefined) nextIs(reply, keyOf(oldest));
  return page.items;
}

/** The same, read from the rows of the read model. */
export const newestRows = <K extends keyof Listed>(
  ports: Ports,
  list: K,
  { repo, limit, cursor }: Asked & { repo?: string | undefined },
  reply: FastifyReply,
): Promise<Listed[K][]> =>
  partOf<Listed[K]>(
    ports,
    reply,
    cursor,
    (rows) => rows.list(list, { repo, limit, before: cursor }),
    ({ id }) => id,
  );

/** Gates by the rows, each with its run. */
export const newestGates = (
  ports: Ports,
  { repo, limit, cursor }: Asked & { repo?: string | undefined },
  reply: FastifyReply,
) =>
  partOf(
    ports,
    reply,
    cursor,
    (rows) => rows.gates({ repo, limit, before: cursor }),
    ({ gate }) => gate,
  );

/** The same of what has no name of its own, by its place in a list that only grows. */
export const firstPlaces = <T>(all: readonly T[], asked: Asked, reply: FastifyReply): T[] =>
  firstOf([...all.entries()], asked, reply, ([place]) => String(place)).map(([, one]) => one);

/** The first part of `all`, or the one after the cursor. */
export function firstOf<T>(
  all: readonly T[],
  { limit, cursor }: Asked,
  reply: FastifyReply,
  keyOf: (one: T) => string,
): T[] {
  const start = cursor === undefined ? 0 : placeOf(all, keyOf, cursor) + 1;
  const part = all.slice(start, start + limit);
  const last = part.at(-1);
  if (start + limit < all.length && last !== undefined) nextIs(reply, keyOf(last));
  return part;
}
