import { openPool } from './connect.ts';

/** The redactor's one right: to erase the free text of an entry for good. */
export type Redactor = {
  /**
   * Where the entry at `record` says that the one at `position` is redacted (trail.redacted). True: there was text to erase. Terminal
   * 'trail-forbidden' without that record. What was erased leaves the database's files with the next vacuum, and backups as they expire.
   */
  redact(position: number, record: number): Promise<boolean>;
  close(): Promise<void>;
};

/** Role redactor. Connects when first used. */
export function openRedactor(options: { url: string }): Redactor {
  const pool = openPool(options.url, { max: 1 });
  return {
    redact: (position, record) =>
      pool.use(async (sql) => {
        const [row] = await sql<
          [{ gone: boolean }]
        >`select millwright.redact(${position}, ${record}) as gone`;
        return row.gone;
      }),
    close: () => pool.close(),
  };
}
