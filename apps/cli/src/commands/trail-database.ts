import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { TrailVerdict, VerifierKey } from '@millwright/audit/proof';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { Fail, failed, messageOf, usage } from '../fail.ts';
import { COMPILE_CACHE, ROOT } from '../up/root.ts';

// Reading a database is the orchestrator's own program, as with `rollback --offline`: the command line knows no Postgres.

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
  const child = spawn(process.execPath, [PROGRAM], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILE_CACHE },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const [exited, complaint] = [once(child, 'exit'), text(child.stderr)];
  child.stdin.end(JSON.stringify({ url, vkeys: keys.map(({ vkey }) => vkey), earlier }));
  let last: z.infer<typeof Line> | null = null;
  for await (const line of createInterface(child.stdout)) {
    last = Line.parse(JSON.parse(line));
    if ('position' in last && context.noteLook.terminal)
      context.note(`verified ${last.position} of ${last.head}`);
  }
  await exited;
  if (last !== null && 'verdict' in last) return last.verdict;
  if (last === null || !('failed' in last))
    throw failed('verify_failed', `reading the database ended early: ${messageOf(await complaint)}`);
  const { code, message } = last.failed;
  throw new Fail({
    code,
    message,
    exitCode: EXIT_CODES[code] ?? 1,
    next: 'check the address and its role: ./millwright trail verify --help',
  });
}
