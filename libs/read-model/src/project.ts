import type { TransactionSql } from '@millwright/database';
import type { RecordedEntry } from '@millwright/domain';
import type { tablesOf } from './tables.ts';
import { BLOCK } from './trail-page.ts';

export type Schema = ReturnType<typeof tablesOf>['name'];

/** Whose an entry is. */
type Concerns = { run: string | null; repo: string | null };

/** Draws entries into the rows, in the order of the trail, each once, in the caller's transaction. */
export async function project(
  tx: TransactionSql,
  schema: Schema,
  entries: readonly RecordedEntry[],
): Promise<void> {
  const owners = await ownersOf(tx, schema, entries);
  const lines = entries.map((recorded) => {
    const { position, type, actor, at } = recorded.envelope;
    return { position, type, actor, at, ...owners.take(recorded) };
  });
  const into = (table: string) => tx(`${schema}.${table}`);
  await tx`insert into ${into('trail_lines')} (position, type, actor, at, run, repo)
    select * from json_to_recordset(${JSON.stringify(lines)}::text::json)
      as line(position bigint, type text, actor text, at bigint, run text, repo text)`;
  await tx`insert into ${into('trail_actors')} (actor)
    select * from json_array_elements_text(${JSON.stringify([...new Set(lines.map(({ actor }) => actor))])}::text::json)
    on conflict do nothing`;
  await tx`insert into ${into('trail_blocks')} as b (block, earliest, latest)
    select (position - 1) / ${BLOCK}, min(at), max(at)
    from json_to_recordset(${JSON.stringify(lines)}::text::json) as line(position bigint, at bigint) group by 1
    on conflict (block) do update set earliest = least(b.earliest, excluded.earliest), latest = greatest(b.latest, excluded.latest)`;
  for (const [table, owner, rows] of owners.made())
    if (rows.length > 0)
      await tx`insert into ${into(table)} (id, ${tx(owner)})
        select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as row(id text, owner text) on conflict do nothing`;
}

/** The repository of a run or a ticket, and the run of an attempt: those that the rows know, and those that these entries make. */
async function ownersOf(tx: TransactionSql, schema: Schema, entries: readonly RecordedEntry[]) {
  const named = { run: new Set<string>(), ticket: new Set<string>(), attempt: new Set<string>() };
  for (const { envelope, entry } of entries) {
    const [kind = '', id = ''] = envelope.stream.split('/');
    if (kind in named) named[kind as keyof typeof named].add(id);
    if (entry.type === 'attempt.opened') named.run.add(entry.data.run);
  }
  const known = async (table: string, owner: string, ids: ReadonlySet<string>) => {
    if (ids.size === 0) return new Map<string, string>();
    const rows = await tx<{ id: string; owner: string }[]>`
      select id, ${tx(owner)} as owner from ${tx(`${schema}.${table}`)}
      where id in (select * from json_array_elements_text(${JSON.stringify([...ids])}::text::json))`;
    return new Map(rows.map((row) => [row.id, row.owner]));
  };
  const attempts = await known('attempts', 'run', named.attempt);
  const tickets = await known('tickets', 'repo', named.ticket);
  const runs = await known('runs', 'repo', new Set([...named.run, ...attempts.values()]));
  const made = {
    runs: new Map<string, string>(),
    tickets: new Map<string, string>(),
    attempts: new Map<string, string>(),
  };
  const make = (known: Map<string, string>, table: Map<string, string>, id: string, owner: string) => {
    known.set(id, owner);
    table.set(id, owner);
  };
  return {
    /** In order: what an entry makes is known from it on. */
    take({ envelope, entry }: RecordedEntry): Concerns {
      const [kind = '', id = ''] = envelope.stream.split('/');
      if (entry.type === 'run.opened') make(runs, made.runs, id, entry.data.repo);
      if (entry.type === 'ticket.filed') make(tickets, made.tickets, id, entry.data.repo);
      if (entry.type === 'attempt.opened') make(attempts, made.attempts, id, entry.data.run);
      const run = kind === 'run' ? id : kind === 'attempt' ? (attempts.get(id) ?? null) : null;
      const repo =
        kind === 'repo' || kind === 'target'
          ? id
          : kind === 'ticket'
            ? tickets.get(id)
            : run === null
              ? null
              : runs.get(run);
      return { run, repo: repo ?? null };
    },
    made: () =>
      (['runs', 'tickets', 'attempts'] as const).map(
        (table) =>
          [
            table,
            table === 'attempts' ? 'run' : 'repo',
            [...made[table]].map(([id, owner]) => ({ id, owner })),
          ] as const,
      ),
  };
}
