import type { TransactionSql } from '@millwright/database';
import type { RecordedEntry } from '@millwright/domain';
import { concernsOf, Slice } from './slice.ts';
import type { Schema } from './tables.ts';
import { BLOCK } from './trail-page.ts';

/** Draws entries into the rows, in the order of the trail, each once, in the caller's transaction. What it resolves with is as they leave it. */
export async function project(
  tx: TransactionSql,
  schema: Schema,
  entries: readonly RecordedEntry[],
): Promise<Slice> {
  const slice = new Slice(tx, schema);
  await slice.load(entries);
  const lines = entries.map((recorded) => {
    slice.fold.fold(recorded);
    const { position, type, actor, at } = recorded.envelope;
    return { position, type, actor, at, ...concernsOf(slice.fold, recorded) };
  });
  await slice.save();
  const into = (table: string) => tx(`${schema}.${table}`);
  const text = JSON.stringify(lines);
  await tx`insert into ${into('trail_lines')} (position, type, actor, at, run, repo)
    select * from json_to_recordset(${text}::text::json)
      as line(position bigint, type text, actor text, at bigint, run text, repo text)`;
  await tx`insert into ${into('trail_actors')} (actor)
    select distinct actor from json_to_recordset(${text}::text::json) as line(actor text)
    on conflict do nothing`;
  await tx`insert into ${into('trail_blocks')} as b (block, earliest, latest)
    select (position - 1) / ${BLOCK}, min(at), max(at)
    from json_to_recordset(${text}::text::json) as line(position bigint, at bigint) group by 1
    on conflict (block) do update set earliest = least(b.earliest, excluded.earliest), latest = greatest(b.latest, excluded.latest)`;
  return slice;
}
