import { join } from 'node:path';
import type { TrailVerdict, VerifierKey } from '@millwright/audit/proof';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { databaseProgram } from '../database-program.ts';
import { Fail, failed, usage } from '../fail.ts';
import { ROOT } from '../up/root.ts';

const PROGRAM = join(ROOT, 'apps/orchestrator/src/verify-database.ts');
const EXIT_CODES: Readonly<Record<string, 3 | 4>> = { 'trail-unreachable': 3, 'trail-forbidden': 4 };

const Line = z.union([
  z.object({ position: z.number(), head: z.number() }),
  z.object({
    verdict: z.custom<TrailVerdict>((it) => z.looseObject({ integrity: z.object() }).safeParse(it).success),
  }),
  z.object({ failed: z.object({ code: z.string(), message: z.string() }) }),
]);

/** The address given, or that of DATABASE_URL, which no list of processes shows. */
function addressOf(option: string | boolean): string {
  const url = option === true ? process.env.DATABASE_URL : String(option);
  if (!url)
    throw usage(
      '--database takes an address, or DATABASE_URL is set',
      'DATABASE_URL=postgres://… ./millwright trail verify --database --key VKEY',
    );
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
    throw usage('this is no postgres:// address', './millwright trail verify --help');
  return url;
}

/**
 * Verifies the trail where it lies, its stored tree too, without a factory. Needs a key, since there is nobody to ask for one. Exit code 3 where
 * the database is not reached, 4 where the role may not read it.
 */
export async function databaseVerdict(
  context: Context,
  option: string | boolean,
  keys: readonly VerifierKey[],
  earlier: readonly string[],
): Promise<TrailVerdict> {
  const url = addressOf(option);
  if (!keys.some((key) => key.kind === 'note'))
    throw usage(
      '--database needs --key: a database does not show who signed',
      'the key you kept; a factory that runs shows its own: ./millwright trail key',
    );
  const heard: { last: z.infer<typeof Line> | null } = { last: null };
  const complaint = await databaseProgram(
    PROGRAM,
    { url, vkeys: keys.map(({ vkey }) => vkey), earlier },
    (line) => {
      const said = Line.parse(line);
      heard.last = said;
      if ('position' in said && context.noteLook.terminal)
        context.note(`verified ${said.position} of ${said.head}`);
    },
  );
  const { last } = heard;
  if (last !== null && 'verdict' in last) return last.verdict;
  if (last === null || !('failed' in last))
    throw failed('verify_failed', `reading the database ended early: ${complaint}`);
  const { code, message } = last.failed;
  throw new Fail({
    code,
    message,
    exitCode: EXIT_CODES[code] ?? 1,
    next: 'check the address and its role: ./millwright trail verify --help',
  });
}
