import {
  AcceptanceChecks,
  type Digest,
  type GitSha,
  getJson,
  putJson,
  type SpecOf,
  TestReport,
  testReport,
} from '@millwright/domain';
import { maskedBytes } from '../known-secrets.ts';
import type { Prepared } from '../verify/run-suite.ts';
import { type Acceptance, learnAhead, verify } from '../verify/verify.ts';
import { submissionOf, withSandbox, workspaceOf } from './agent.ts';
import { checksArchive } from './checks-archive.ts';
import { excerptsOf } from './excerpts.ts';
import { layChecks } from './lay-checks.ts';
import { together } from './run-both.ts';
import { type Held, suiteMsOf, whereOf } from './runner.ts';
import { suiteFacts } from './suite-facts.ts';
import { workspaceFacts } from './workspace-facts.ts';
import { checkoutOf, conventionsFor, prepareOrFail, prepareTree } from './workspace-inputs.ts';

/** Acceptance checks, or the verdict on a tree, which asks no model. */
export async function testStage(held: Held<SpecOf<'test'>>): Promise<Digest> {
  const { tree } = held.spec;
  return tree === null ? checksStage(held) : verdictStage(held, tree);
}

/** The tester writes its checks on the base, without the change in sight; beside it the factory learns what the base's own tests say. */
async function checksStage(held: Held<SpecOf<'test'>>): Promise<Digest> {
  const base = await prepareOrFail(held, await checkoutOf(held, held.spec.baseTree));
  const [checks] = await together(
    held,
    (own) => writeChecks(own, base),
    (own) => learnAhead(whereOf(own), own.runner.memory, baseInput(own, base)),
  );
  return checks;
}

async function verdictStage(held: Held<SpecOf<'test'>>, sha: GitSha): Promise<Digest> {
  const { spec, runner } = held;
  const [baseTree, tree] = await Promise.all([checkoutOf(held, spec.baseTree), checkoutOf(held, sha)]);
  const base = await prepareOrFail(held, baseTree);
  const candidate = await prepareTree(held, tree);
  if ('kind' in candidate)
    return putJson(runner.artifacts, TestReport, unprepared(sha, candidate.reason, spec.checks));
  const report = await verify(whereOf(held), runner.memory, {
    ...baseInput(held, base),
    ...{ ticket: spec.ticket, part: spec.checks === null, tree: sha, candidate, changed: spec.changed },
    acceptance: spec.checks === null ? null : await checksOf(held, spec.checks),
  });
  if (report.verdict === 'passed' && spec.checks !== null) releaseAhead(held, candidate);
  return putJson(runner.artifacts, TestReport, report);
}

const baseInput = (held: Held<SpecOf<'test'>>, base: Prepared) => ({
  ...{ toolchain: held.runner.toolchain, config: held.spec.config, base, signal: held.signal },
  timeoutMs: suiteMsOf(held),
});

/** What passed is merged next, most likely, and its release begins with an archive of it: 0.2 s, which gates and merge take as well. */
function releaseAhead({ runner, spec }: Held<SpecOf<'test'>>, { checkout, layer }: Prepared): void {
  const { deploy, build } = spec.config;
  if (deploy === undefined || build !== undefined) return;
  runner.sandboxes.archiveAhead({ run: spec.run, attempt: spec.attempt, checkout, deps: layer });
}

const unprepared = (tree: GitSha, reason: string, checks: Digest | null): TestReport =>
  testReport({ tree, verdict: 'failed', reason: reason.slice(0, 4_000), checks });

async function checksOf({ runner: { artifacts } }: Held, digest: Digest): Promise<Acceptance> {
  const checks = await getJson(artifacts, AcceptanceChecks, digest);
  return { digest, checks, files: checks.files === null ? null : await artifacts.get(checks.files) };
}

async function writeChecks(held: Held<SpecOf<'test'>>, base: Prepared): Promise<Digest> {
  const conventions = await conventionsFor(held.runner.toolchain, base.checkout, []);
  const before = held.spec.disputed?.at(-1)?.checks;
  const begun = workspaceOf(held) !== null;
  return withSandbox(held, base, { purpose: 'test', resume: true }, async (sandbox) => {
    if (before !== undefined && !begun) await layChecks(sandbox, held.runner.artifacts, before);
    const suite = await suiteFacts(held, base);
    const facts = [...(await workspaceFacts(held.runner.toolchain, sandbox, base, false)), ...suite.lines];
    // How its tests are written is no word of how the change will be made.
    const { isAmongTests } = held.runner.toolchain;
    const excerpts = excerptsOf(held.spec.plan).filter(({ path }) => isAmongTests(path));
    const materials = { ...conventions, facts, excerpts };
    const said = await submissionOf<'test'>(held, sandbox, materials, {
      ...{ keep: true, root: '/workspace', news: suite.news },
    });
    const tar = await checksArchive(sandbox);
    const { artifacts, known } = held.runner;
    const files = tar === null ? null : await artifacts.put(await maskedBytes(tar, known));
    return putJson(artifacts, AcceptanceChecks, { ...said, files });
  });
}
