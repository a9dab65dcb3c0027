import postgres from 'postgres';

/** Where in a database a text is, in whatever table and column: `millwright.payloads.words`. `url` is a superuser's. */
export async function placesOf(url: string, text: string): Promise<string[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const columns = await sql<{ schema: string; table: string; column: string; type: string }[]>`
      select n.nspname as schema, c.relname as table, a.attname as column,
        coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text as type
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        join pg_type t on t.oid = a.atttypid
      where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and n.nspname !~ '^(pg_|information_schema)'`;
    const places: string[] = [];
    for (const { schema, table, column, type } of columns) {
      const where =
        type === 'bytea'
          ? sql`position(${Buffer.from(text)} in ${sql(column)}) > 0`
          : sql`position(${text} in ${sql(column)}::text) > 0`;
      const found = await sql`select from ${sql(schema)}.${sql(table)} where ${where} limit 1`;
      if (found.length > 0) places.push(`${schema}.${table}.${column}`);
    }
    return places;
  } finally {
    await sql.end();
  }
}
