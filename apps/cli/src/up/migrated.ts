import { failed } from '../fail.ts';
import { type Child, endOf } from './child.ts';
import { tail } from './logs.ts';

const MIGRATE_MS = 120_000;

/** Resolves once the program that brings the database to this version has done so; throws a `Fail` with the end of its log. */
export async function migrated(child: Child, log: string): Promise<void> {
  const late = setTimeout(() => void child.stop(AbortSignal.abort()), MIGRATE_MS);
  const ended = await child.ended;
  clearTimeout(late);
  if (ended.code !== 0)
    throw failed(
      'migrate',
      `the database could not be brought to this version (${endOf(ended)}):\n${tail(log, 15)}`,
      { kept: 'the database as it was', next: `its whole log: ${log}` },
    );
}
