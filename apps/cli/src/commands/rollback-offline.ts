import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RollbackView } from '@millwright/api';
import { z } from 'zod';
import { dataFolder, type GlobalOptions } from '../connection.ts';
import type { Context } from '../context.ts';
import { show } from '../context.ts';
import { codeOf, Fail, failed, messageOf, usage } from '../fail.ts';
import { duration } from '../text/format.ts';
import { COMPILE_CACHE, ROOT } from '../up/root.ts';
import { setUp } from '../up/set-up.ts';
import { rollbackPlan } from '../views/rollback.ts';
import { agreed } from './agreed.ts';

// Going back on the factory's own machine while nobody can sign in: its folder's permissions say who may. The work is the orchestrator's own
// program, which asks neither the database nor a running factory.

const PROGRAM = join(ROOT, 'apps/orchestrator/src/rollback-offline.ts');
/** A cold start, its health, and a look afterwards. */
const LIMIT_MS = 180_000;

const Answer = z.union([
  z.object({ kind: z.enum(['done', 'planned']), view: RollbackView }),
  z.object({ kind: z.literal('refused'), exitCode: z.number(), reason: z.string(), next: z.string() }),
]);
type Answer = z.infer<typeof Answer>;

export type Offline = GlobalOptions & Record<string, string | boolean | undefined>;

/** The factory's id, for whoever may read it: the folder is its owner's alone. */
function factoryOf(data: string): string {
  const path = join(data, 'identity.json');
  try {
    const { factory } = z.object({ factory: z.string() }).parse(JSON.parse(readFileSync(path, 'utf8')));
    const { uid } = statSync(path);
    if (process.getuid !== undefined && process.getuid() !== uid)
      // What another user writes there the factory could not read or change any more.
      throw new Fail({
        code: 'another_user',
        message: `${data} belongs to user ${uid}, who runs the factory`,
        next: `as that user: sudo -u '#${uid}' ./millwright rollback --offline --data ${data}`,
        exitCode: 4,
      });
    return factory;
  } catch (error) {
    if (error instanceof Fail) throw error;
    const denied = codeOf(error) === 'EACCES';
    throw new Fail({
      code: denied ? 'data_unreadable' : 'no_factory',
      message: denied
        ? `${path} may not be read by this user`
        : `${data} is no factory's folder: ${messageOf(error)}`,
      next: denied ? 'as the user who runs the factory' : "name the factory's folder: --data DIR",
      exitCode: denied ? 4 : 1,
    });
  }
}

function run(data: string, asked: object): Promise<Answer> {
  const factory = factoryOf(data);
  const { image, dockerHost } = setUp(process.env);
  const env = {
    // A repository's secrets may be given by name, since the database holds them.
    ...process.env,
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    MILLWRIGHT_DATA: data,
    MILLWRIGHT_FACTORY: factory,
    MILLWRIGHT_SANDBOX_IMAGE: image ?? '',
    ...(dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }),
  };
  return new Promise((resolve, reject) => {
    const options = { env, cwd: ROOT, timeout: LIMIT_MS, maxBuffer: 1 << 20 };
    execFile(process.execPath, [PROGRAM, JSON.stringify(asked)], options, (error, stdout, stderr) => {
      if (error === null) return resolve(Answer.parse(JSON.parse(stdout)));
      const why = stderr.trim().split('\n').slice(-12).join('\n') || messageOf(error);
      reject(
        failed('rollback_failed', `going back without the factory did not work: ${why}`, {
          next: './millwright doctor, for the engine; then the same again: it goes on where it was',
        }),
      );
    });
  });
}

/** Asks before it acts unless `--yes` is given; without a terminal it wants that. Exit code 1 where nothing can be gone back to. */
export async function rollbackOffline(
  context: Context,
  release: string | undefined,
  options: Offline,
  ask: (question: string) => Promise<string>,
): Promise<void> {
  const data = dataFolder(options, process.env);
  const asked = {
    repo: typeof options.repo === 'string' ? options.repo : null,
    release: release ?? null,
    reason: typeof options.reason === 'string' ? options.reason : 'asked by a person',
  };
  const answered = async (dryRun: boolean): Promise<RollbackView> => {
    const answer = await run(data, { ...asked, dryRun });
    if (answer.kind !== 'refused') return answer.view;
    if (answer.exitCode === 2) throw usage(answer.reason, answer.next);
    throw failed('nothing_to_roll_back', answer.reason, { kept: 'what serves', next: answer.next });
  };
  if (options.dryRun === true || options.yes !== true) {
    const view = await answered(true);
    if (!(await agreed(context, { raw: view, view }, options.dryRun === true, ask))) return;
  }
  const view = await answered(false);
  show(context, view, () => [...rollbackPlan(context.look, view), `Done in ${duration(view.ms)}.`]);
}
