import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { failed } from '../fail.ts';
import { COMPILE_CACHE, ROOT } from '../up/root.ts';
import { setUp } from '../up/set-up.ts';
import type { Case } from './cases.ts';
import { bundleOf } from './git.ts';

const PROGRAM = join(ROOT, 'apps/sandbox-runner/src/eval/hidden-tests.ts');
const LIMIT_MS = 20 * 60_000;

const Answer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ran'), passed: z.boolean(), output: z.string(), ms: z.number() }),
  z.object({ kind: z.literal('refused'), reason: z.string() }),
]);

/** Whether a case's hidden tests pass on a commit, in a sandbox of their own. Throws where that cannot be told. */
export async function hiddenTestsPass(
  one: Case,
  remote: string,
  commit: string,
  data: string,
): Promise<boolean> {
  const { image, dockerHost } = setUp(process.env);
  if (image === undefined)
    throw failed('no_image', 'there is no sandbox image to run hidden tests in', { next: 'npm run setup' });
  mkdirSync(data, { recursive: true });
  const asked = {
    ...{ data, image, ...bundleOf(remote, commit), repo: one.name },
    ...{ hidden: join(one.folder, 'hidden'), command: one.test, own: one.image },
  };
  const env = {
    ...process.env,
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    ...(dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }),
  };
  const said = await new Promise<string>((resolve, reject) => {
    const options = { env, cwd: ROOT, timeout: LIMIT_MS, maxBuffer: 1 << 20 };
    execFile(process.execPath, [PROGRAM, JSON.stringify(asked)], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else
        reject(
          failed(
            'hidden_tests',
            `case ${one.name}: its hidden tests could not be run: ${stderr.slice(-500)}`,
          ),
        );
    });
  });
  const answer = Answer.parse(JSON.parse(said));
  if (answer.kind === 'refused')
    throw failed('hidden_tests', `case ${one.name}: its hidden tests could not be run: ${answer.reason}`);
  return answer.passed;
}
