import type { Sql } from '@millwright/database';
import { drizzle, eq, gt, gte, lt, type SQL, sql } from '@millwright/database/drizzle';
import { Entry, type Instant, type RepoName, type RunId } from '@millwright/domain';
import { READ } from './tables.ts';

export type TrailFilter = {
  run?: RunId;
  repo?: RepoName;
  /** Any of these. `agent/` stands for every role, `runner/` for every runner. */
  actors?: readonly string[];
  /** Any of these. `gate.` stands for every type that begins so. */
  types?: readonly string[];
  /** Milliseconds since the epoch: from this instant on, and before that one. */
  from?: Instant;
  to?: Instant;
};

/** Positions beyond `after` and before `before`, both exclusive; `newest` turns the order around. */
export type TrailPage = { after: number; before?: number; limit: number; newest: boolean };

/** Where an entry is, and whose it is. */
export type LineAt = { position: number; run: RunId | null; repo: RepoName | null };

/** Entries in a block, of whose times the earliest and the latest are known. */
export const BLOCK = 1_024;

const TYPES: readonly string[] = Entry.options.map((option) => option.shape.type.value);
const { trailLines: line, trailActors, trailBlocks } = READ;

/** The lines of a page, in its order. What it costs is bounded by its length and by the rarest thing asked for, not by the trail's length. */
export async function trailPage(client: Sql, filter: TrailFilter, page: TrailPage): Promise<LineAt[]> {
  const db = drizzle(client);
  const bounds = await boundsOf(db, filter, page);
  const conditions = [
    gt(line.position, bounds.after),
    lt(line.position, bounds.before),
    ...(filter.run === undefined ? [] : [eq(line.run, filter.run)]),
    ...(filter.repo === undefined ? [] : [eq(line.repo, filter.repo)]),
    ...(filter.from === undefined ? [] : [gte(line.at, filter.from)]),
    ...(filter.to === undefined ? [] : [lt(line.at, filter.to)]),
  ];
  // A page of each type and actor that is asked for, of which the first ones are the page: each is read off an index that has its order.
  const from: SQL[] = [];
  if (filter.types !== undefined) {
    from.push(sql`${listed(typesOf(filter.types))} as asked_type(name)`);
    conditions.push(sql`${line.type} = asked_type.name`);
  }
  if (filter.actors !== undefined) {
    from.push(sql`${listed(await actorsOf(db, filter.actors))} as asked_actor(name)`);
    conditions.push(sql`${line.actor} = asked_actor.name`);
  }
  const order = page.newest ? sql.raw('desc') : sql.raw('asc');
  from.push(sql`lateral (
    select position, run, repo from ${line} where ${sql.join(conditions, sql` and `)}
    order by ${line.position} ${order} limit ${page.limit}) as found`);
  const rows = await db.execute<LineAt>(sql`
    select found.* from ${sql.join(from, sql` cross join `)} order by found.position ${order} limit ${page.limit}`);
  return [...rows];
}

export async function hasActor(client: Sql, id: string): Promise<boolean> {
  const found = await drizzle(client).select().from(trailActors).where(eq(trailActors.actor, id));
  return found.length > 0;
}

type Db = ReturnType<typeof drizzle>;

const listed = (names: readonly string[]): SQL =>
  sql`json_array_elements_text(${JSON.stringify(names)}::text::json)`;

const typesOf = (asked: readonly string[]): string[] => [
  ...new Set(
    asked.flatMap((name) => (name.endsWith('.') ? TYPES.filter((type) => type.startsWith(name)) : [name])),
  ),
];

async function actorsOf(db: Db, asked: readonly string[]): Promise<string[]> {
  const begins = asked.filter((name) => name.endsWith('/'));
  if (begins.length === 0) return [...new Set(asked)];
  const all = (await db.select().from(trailActors)).map(({ actor }) => actor);
  return [
    ...new Set([
      ...asked.filter((name) => !begins.includes(name)),
      ...all.filter((actor) => begins.some((name) => actor.startsWith(name))),
    ]),
  ];
}

/** Positions outside of which no entry is of the time asked for; blocks are looked at, not entries. */
async function boundsOf(db: Db, { from, to }: TrailFilter, { after, before }: TrailPage) {
  const bounds = { after, before: before ?? Number.MAX_SAFE_INTEGER };
  if (from === undefined && to === undefined) return bounds;
  const [block] = await db
    .select({
      first: sql<
        number | null
      >`min(${trailBlocks.block}) filter (where ${trailBlocks.latest} >= ${from ?? 0})`,
      last: sql<
        number | null
      >`max(${trailBlocks.block}) filter (where ${trailBlocks.earliest} < ${to ?? Number.MAX_SAFE_INTEGER})`,
    })
    .from(trailBlocks);
  if (block === undefined || block.first === null || block.last === null) return { after: 0, before: 0 };
  return {
    after: Math.max(bounds.after, block.first * BLOCK),
    before: Math.min(bounds.before, (block.last + 1) * BLOCK + 1),
  };
}
