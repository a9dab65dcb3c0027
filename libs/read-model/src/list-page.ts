import type { Sql } from '@millwright/database';
import { and, desc, drizzle, eq, isNotNull, lt } from '@millwright/database/drizzle';
import type { GateId, ReleaseInfo, RunId, RunInfo, TicketInfo } from '@millwright/domain';
import { READ } from './tables.ts';

/** What is listed, each with what a row of it holds. */
export type Listed = { runs: RunInfo; tickets: TicketInfo; releases: ReleaseInfo };

/** The newest `limit`, of one repository or of all; with `before`, those that came to be before the one of that id. */
export type ListQuery = { repo?: string | undefined; before?: string | undefined; limit: number };

/** Oldest first. `more`: there are older ones. */
export type ListPage<T> = { kind: 'page'; items: T[]; more: boolean } | { kind: 'unknown-cursor' };

/** A keyset: what is added meanwhile moves no page, and a page costs its length wherever it is. */
export async function listPage<K extends keyof Listed>(
  client: Sql,
  list: K,
  { repo, before, limit }: ListQuery,
): Promise<ListPage<Listed[K]>> {
  const db = drizzle(client);
  const rows: (typeof READ)['runs'] = READ[list];
  // A run whose first entry could not be folded in has no repository, and is in no list.
  const of = repo === undefined ? isNotNull(rows.repo) : eq(rows.repo, repo);
  let until = Number.MAX_SAFE_INTEGER;
  if (before !== undefined) {
    const [cursor] = await db
      .select({ nth: rows.nth })
      .from(rows)
      .where(and(of, eq(rows.id, before)));
    if (cursor === undefined) return { kind: 'unknown-cursor' };
    until = cursor.nth;
  }
  const found = await db
    .select({ state: rows.state })
    .from(rows)
    .where(and(of, lt(rows.nth, until)))
    .orderBy(desc(rows.nth))
    .limit(limit + 1);
  const items = found.slice(0, limit).map(({ state }) => JSON.parse(state) as Listed[K]);
  return { kind: 'page', items: items.reverse(), more: found.length > limit };
}

/** Which run a gate is of; undefined where there is no such gate. */
export async function runOfGate(client: Sql, gate: GateId): Promise<RunId | undefined> {
  const [found] = await drizzle(client)
    .select({ run: READ.gates.run })
    .from(READ.gates)
    .where(eq(READ.gates.id, gate));
  return found?.run as RunId | undefined;
}

/** Gates with their runs, by page, as `listPage`; ids are in the order in which they were made. */
export async function gatePage(
  client: Sql,
  { repo, before, limit }: ListQuery,
): Promise<ListPage<{ gate: GateId; run: RunId }>> {
  const db = drizzle(client);
  const { id, run } = READ.gates;
  if (before !== undefined && (await runOfGate(client, before as GateId)) === undefined)
    return { kind: 'unknown-cursor' };
  const { runs } = READ;
  const found = await db
    .select({ gate: id, run })
    .from(READ.gates)
    .innerJoin(runs, eq(runs.id, run))
    .where(
      and(
        repo === undefined ? undefined : eq(runs.repo, repo),
        before === undefined ? undefined : lt(id, before),
      ),
    )
    .orderBy(desc(id))
    .limit(limit + 1);
  const items = found.slice(0, limit) as { gate: GateId; run: RunId }[];
  return { kind: 'page', items: items.reverse(), more: found.length > limit };
}
