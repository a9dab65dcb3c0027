import { type AcceptanceChecks, CHECKS_FOLDER, retryable } from '@millwright/domain';
import type { Sandbox } from '@millwright/sandbox';
import { unpackIn } from '../verify/unpack.ts';
import type { Runner } from './runner.ts';

/** The tester's files where its commands look for them, for an agent to read; git is told to overlook them. */
export async function layChecks(
  sandbox: Sandbox,
  artifacts: Runner['artifacts'],
  { files }: AcceptanceChecks,
): Promise<void> {
  if (files === null) return;
  const trouble = await unpackIn(sandbox, await artifacts.get(files));
  if (trouble !== null) throw retryable('checks-not-laid', trouble);
  const overlook = `echo /${CHECKS_FOLDER}/ >> .git/info/exclude`;
  const done = await sandbox.exec(overlook, { timeoutMs: 30_000, maxBytes: 4_096 });
  if (done.kind !== 'exited' || done.exitCode !== 0)
    throw retryable('checks-not-laid', 'git could not be told to overlook the checks');
}

/** Away with them, before what an agent made is read: they are none of its change. */
export async function liftChecks(sandbox: Sandbox): Promise<void> {
  const done = await sandbox.exec(`rm -rf -- ${CHECKS_FOLDER}`, { timeoutMs: 30_000, maxBytes: 4_096 });
  if (done.kind !== 'exited' || done.exitCode !== 0)
    throw retryable('checks-not-lifted', `${CHECKS_FOLDER} could not be removed`);
}
