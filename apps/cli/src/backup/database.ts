import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { databaseProgram } from '../database-program.ts';
import { Fail, failed } from '../fail.ts';
import type { Passwords } from '../up/identity.ts';
import { type Database, embeddedDatabase, externalDatabase } from '../up/postgres/database.ts';
import { ROOT } from '../up/root.ts';
import { leaveFolder, runsOn, takeFolder } from '../up/running.ts';

const PROGRAM = join(ROOT, 'apps/orchestrator/src/backup-database.ts');
const EXIT_CODES: Readonly<Record<string, 3 | 4>> = { 'store-unreachable': 3, 'store-forbidden': 4 };

const Line = z.union([
  z.object({ done: z.unknown() }),
  z.object({ failed: z.object({ code: z.string(), message: z.string() }) }),
]);

/** What the orchestrator's program answers to this; a `Fail` where it could not do it. */
export async function ask<T>(asked: object, Answer: z.ZodType<T>): Promise<T> {
  const heard: { line: z.infer<typeof Line> | null } = { line: null };
  const complaint = await databaseProgram(PROGRAM, asked, (line) => {
    heard.line = Line.parse(line);
  });
  if (heard.line === null) throw failed('backup_failed', `this ended early: ${complaint}`);
  if ('done' in heard.line) return Answer.parse(heard.line.done);
  const { code, message } = heard.line.failed;
  throw new Fail({ code, message, exitCode: EXIT_CODES[code] ?? 1 });
}

const SAME = 'give the DATABASE_URL that the factory is started with';

/**
 * The database of this data folder while `work` is at it: the one that a running factory has, or else started for as long as it takes, with the
 * folder taken, so that no factory starts meanwhile.
 */
export async function withDatabase<T>(
  data: string,
  passwords: Passwords,
  env: Record<string, string | undefined>,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  if (env.DATABASE_URL) return work(externalDatabase(env.DATABASE_URL, passwords));
  if (!existsSync(join(data, 'database.json')))
    throw failed('no_database', `${data} has no database of its own, and DATABASE_URL is not set`, {
      next: SAME,
    });
  const runs = runsOn(data);
  if (runs !== null && runs.url === null)
    throw failed('starting', `a factory is starting on ${data} (process ${runs.pid})`, {
      next: 'try again in a moment',
    });
  // Its own supervisor watches over it: it is used as it is, and left so.
  if (runs !== null) return work(await embeddedDatabase(data, passwords));
  await takeFolder(data);
  try {
    const database = await embeddedDatabase(data, passwords);
    try {
      return await work(database);
    } finally {
      await database.stop();
    }
  } finally {
    leaveFolder(data);
  }
}
