import {
  AcceptanceChecks,
  type Digest,
  type GitSha,
  getJson,
  maskBytes,
  putJson,
  type SpecOf,
  TestReport,
  testReport,
} from '@millwright/domain';
import type { Prepared } from '../verify/run-suite.ts';
import { type Acceptance, verify } from '../verify/verify.ts';
import { submissionOf, withSandbox } from './agent.ts';
import { checksArchive } from './checks-archive.ts';
import { together } from './run-both.ts';
import { type Held, whereOf } from './runner.ts';
import { suiteFacts } from './suite-facts.ts';
import { workspaceFacts } from './workspace-facts.ts';
import { checkoutOf, conventionsFor, prepareOrFail, prepareTree } from './workspace-inputs.ts';

const SUITE_MS = 15 * 60_000;

/**
 * The verdict on a tree. While the tester writes its checks (on the base, without the change in sight), the factory runs the suites of
 * base and tree; then the checks.
 */
export async function testStage(held: Held<SpecOf<'test'>>): Promise<Digest> {
  const { spec, runner } = held;
  const [baseTree, tree] = await Promise.all([checkoutOf(held, spec.baseTree), checkoutOf(held, spec.tree)]);
  const base = await prepareOrFail(held, baseTree);
  const [, report] = await together(
    held,
    (own) => checksFor(own, base),
    async (own, written) => {
      const candidate = await prepareTree(own, tree);
      if ('kind' in candidate) return unprepared(spec.tree, candidate.reason, (await written).digest);
      const { signal } = own;
      const report = await verify(whereOf(own), runner.memory, {
        ...{ toolchain: runner.toolchain, config: spec.config, ticket: spec.ticket, signal },
        ...{ tree: spec.tree, base, candidate, changed: spec.changed },
        acceptance: written,
        timeoutMs: Math.max(1_000, Math.min(SUITE_MS, spec.deadline - runner.clock.now())),
      });
      if (report.verdict === 'passed') releaseAhead(own, candidate);
      return report;
    },
  );
  return putJson(runner.artifacts, TestReport, report);
}

/** What passed is merged next, most likely, and its release begins with an archive of it: 0.2 s, which gates and merge take as well. */
function releaseAhead({ runner, spec }: Held<SpecOf<'test'>>, { checkout, layer }: Prepared): void {
  const { deploy, build } = spec.config;
  if (deploy === undefined || build !== undefined) return;
  runner.sandboxes.archiveAhead({ run: spec.run, attempt: spec.attempt, checkout, deps: layer });
}

const unprepared = (tree: GitSha, reason: string, checks: Digest): TestReport =>
  testReport({ tree, verdict: 'failed', reason: reason.slice(0, 4_000), checks });

async function checksFor(held: Held<SpecOf<'test'>>, base: Prepared): Promise<Acceptance> {
  const { artifacts } = held.runner;
  const digest = held.spec.checks ?? (await writeChecks(held, base));
  const checks = await getJson(artifacts, AcceptanceChecks, digest);
  return { digest, checks, files: checks.files === null ? null : await artifacts.get(checks.files) };
}

async function writeChecks(held: Held<SpecOf<'test'>>, base: Prepared): Promise<Digest> {
  const conventions = await conventionsFor(base.checkout, []);
  return withSandbox(held, base, { purpose: 'test', resume: true }, async (sandbox) => {
    const facts = [...(await workspaceFacts(sandbox, base, false)), ...(await suiteFacts(held, base))];
    const materials = { ...conventions, facts };
    const said = await submissionOf<'test'>(held, sandbox, materials, { keep: true, root: '/workspace' });
    const tar = await checksArchive(sandbox);
    const files = tar === null ? null : await held.runner.artifacts.put(maskBytes(tar));
    return putJson(held.runner.artifacts, AcceptanceChecks, { ...said, files });
  });
}
