import type { Pool } from '@millwright/database';
import type { Instant } from '@millwright/domain';

type RunnerNote = { key: string; text: string; at: Instant };

/** What runners say of the moment, beside the trail: nothing decides on it, and it may be lost. Keys: `doing/<attempt>`, `model/<name>`,
 * `model-setting/<name>`, `runner/<name>`. */
export type RunnerNotes = {
  /** Null takes it back. Runner only. */
  say(key: string, text: string | null): Promise<void>;
  /** Those whose key begins so, by key. Orchestrator only. */
  list(prefix: string): Promise<RunnerNote[]>;
};

/** Of a key and a text, what the table takes. */
const MAX_KEY = 200;
const MAX_TEXT = 1_000;

export function runnerNotesOn(pool: Pool): RunnerNotes {
  return {
    say: (key, text) =>
      pool.use(async (sql) => {
        const said = text === null ? null : text.replaceAll('\0', '').slice(0, MAX_TEXT);
        await sql`select millwright.runner_note(${key.slice(0, MAX_KEY)}, ${said})`;
      }),
    list: (prefix) =>
      pool.use(async (sql) => {
        // A number: what a timestamp is read as depends on who used the connection before.
        const rows = await sql<RunnerNote[]>`
          select key, text, round(extract(epoch from at) * 1000)::float8 as at
          from millwright.runner_notes where starts_with(key, ${prefix}) order by key`;
        return rows.map(({ key, text, at }) => ({ key, text, at }));
      }),
  };
}
