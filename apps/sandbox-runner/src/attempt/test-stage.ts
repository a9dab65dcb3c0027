import { AcceptanceChecks, type Digest, getJson, putJson, type SpecOf, TestReport } from '@millwright/domain';
import { verify } from '../verify/verify.ts';
import { submissionOf, withSandbox } from './agent.ts';
import { checksArchive } from './checks-archive.ts';
import { adviceFor, checkoutOf, prepareOrFail, prepareTree } from './ground.ts';
import { type Held, whereOf } from './runner.ts';

const SUITE_MS = 15 * 60_000;

/** The verdict on a tree: the tester's checks (written on the base, without the change in sight), then the factory's own runs. */
export async function testStage(held: Held<SpecOf<'test'>>): Promise<Digest> {
  const { spec, runner, signal } = held;
  const { artifacts } = runner;
  const [baseTree, tree] = await Promise.all([checkoutOf(held, spec.baseTree), checkoutOf(held, spec.tree)]);
  const base = await prepareOrFail(held, baseTree);
  const digest = spec.checks ?? (await writeChecks(held, base));
  const checks = await getJson(artifacts, AcceptanceChecks, digest);
  const files = checks.files === null ? null : await artifacts.get(checks.files);
  const candidate = await prepareTree(held, tree);
  if ('kind' in candidate)
    return putJson(artifacts, TestReport, {
      ...{
        tree: spec.tree,
        verdict: 'failed',
        reason: candidate.reason.slice(0, 4_000),
        runner: 'none',
        suite: null,
      },
      names: { base: 0, reported: 0, missing: [], failing: [] },
      baseTests: { files: [], failing: [], result: null },
      ...{ acceptance: [], checks: digest },
    });
  const report = await verify(whereOf(held), runner.memory, {
    ...{ config: spec.config, tree: spec.tree, base, candidate, changed: spec.changed, signal },
    acceptance: { checks, digest, files },
    timeoutMs: Math.max(1_000, Math.min(SUITE_MS, spec.deadline - runner.clock.now())),
  });
  return putJson(artifacts, TestReport, report);
}

async function writeChecks(
  held: Held<SpecOf<'test'>>,
  base: Awaited<ReturnType<typeof prepareOrFail>>,
): Promise<Digest> {
  const advice = await adviceFor(base.checkout, []);
  return withSandbox(held, base, { purpose: 'test', resume: true }, async (sandbox) => {
    const said = await submissionOf<'test'>(held, sandbox, { advice }, { keep: true, root: '/workspace' });
    const tar = await checksArchive(sandbox);
    const files = tar === null ? null : await held.runner.artifacts.put(tar);
    return putJson(held.runner.artifacts, AcceptanceChecks, { ...said, files });
  });
}
