import {
  AcceptanceChecks,
  type AttemptSpec,
  Blocked,
  ChangeSet,
  type Digest,
  type Feedback,
  type GitSha,
  getJson,
  isUnmet,
  Plan,
  putJson,
  Release,
  Review,
  type SpecOf,
  TestReport,
  terminal,
  Unfinished,
} from '@millwright/domain';
import { type Checkout, readCheckout, type Sandbox } from '@millwright/sandbox';
import { filesOf } from '../verify/tree-entries.ts';
import { submissionOf, withSandbox, withSandboxAsNeeded } from './agent.ts';
import { buildRelease } from './build-release.ts';
import { excerptsOf, withExcerpts } from './excerpts.ts';
import { layChecks, liftChecks } from './lay-checks.ts';
import { learningBeside } from './learn-beside.ts';
import { linkAtConfiguration } from './links-in-change.ts';
import { repositoryMap } from './repository-map.ts';
import { together } from './run-both.ts';
import type { Held, Runner } from './runner.ts';
import { secretInBinaries } from './secrets-in-binaries.ts';
import { secretInMessage, secretInPatch } from './secrets-in-patch.ts';
import { suiteFacts } from './suite-facts.ts';
import { testStage } from './test-stage.ts';
import { workspaceFacts } from './workspace-facts.ts';
import { checkoutOf, conventionsFor, prepareOrFail, prepareTree } from './workspace-inputs.ts';

// One stage a role: what its agent stands on, and how what it hands in becomes the stage's artifact. Whatever a model says of its own
// work is not in an artifact: trees, patches and verdicts are computed here, outside its sandbox.

const ROOT = '/workspace';

type Extraction = Awaited<ReturnType<Sandbox['extract']>>;

/** Does the attempt and returns its artifact's digest. Throws DriveErrors. */
export function doStage(held: Held): Promise<Digest> {
  switch (held.spec.role) {
    case 'plan':
      return planStage(narrow(held, held.spec));
    case 'implement':
      return implementStage(narrow(held, held.spec));
    case 'review':
      return reviewStage(narrow(held, held.spec));
    case 'test':
      return testStage(narrow(held, held.spec));
    case 'deploy':
      return deployStage(narrow(held, held.spec));
  }
}

const narrow = <S extends AttemptSpec>(held: Held, spec: S): Held<S> => ({ ...held, spec });

async function planStage(held: Held<SpecOf<'plan'>>): Promise<Digest> {
  const { split } = held.spec;
  const base = await checkoutOf(held, held.spec.baseTree);
  const [from, tree] = split
    ? await Promise.all([checkoutOf(held, split.from), checkoutOf(held, split.tree)])
    : [base, base];
  // Every stage after it needs what the base depends on: where that cannot be had, nothing is paid for.
  const ready = await prepareOrFail(held, base);
  const made = tree === base ? ready : await prepareTree(held, tree);
  const on = 'kind' in made ? { checkout: tree, layer: null, root: '/workspace' as const } : made;
  const conventions = await conventionsFor(
    held.runner.toolchain,
    base,
    split?.paths.map(({ path }) => path) ?? [],
  );
  return withSandbox(held, on, { purpose: 'plan', resume: false, base: from }, async (sandbox) => {
    const suite = await suiteFacts(held, ready);
    const facts = [
      ...(await workspaceFacts(held.runner.toolchain, sandbox, made, from.tree !== tree.tree)),
      ...suite.lines,
    ];
    const map = await repositoryMap(held.runner.toolchain, sandbox, tree, held.spec.ticket);
    const plan = await learningBeside(held, ready, () =>
      submissionOf<'plan'>(
        held,
        sandbox,
        { ...conventions, facts, ...map },
        { keep: false, root: ROOT, news: suite.news },
      ),
    );
    return putJson(held.runner.artifacts, Plan, await withExcerpts(plan, tree));
  });
}

async function implementStage(held: Held<SpecOf<'implement'>>): Promise<Digest> {
  const { spec, runner } = held;
  const [base, from, start] = await Promise.all([
    checkoutOf(held, spec.baseTree),
    checkoutOf(held, spec.from),
    checkoutOf(held, spec.start),
  ]);
  const made = await prepareTree(held, start);
  // Rework may start from a tree whose own manifests are broken; the tree it is measured against was prepared before.
  const layer = 'kind' in made ? (await prepareOrFail(held, from)).layer : made.layer;
  const on = 'kind' in made ? { checkout: start, layer, root: '/workspace' as const } : made;
  const conventions = await conventionsFor(held.runner.toolchain, base, []);
  // Where the whole is mended there is nothing below it but what the run began with.
  const below = spec.task.id === 'whole' ? base : from;
  return withSandbox(held, on, { purpose: 'implement', resume: true, base: below }, async (sandbox) => {
    const failed = failedChecks(spec.feedback);
    if (failed !== null)
      await layChecks(sandbox, runner.artifacts, await getJson(runner.artifacts, AcceptanceChecks, failed));
    const suite = await suiteFacts(held, await prepareTree(held, base));
    const facts = [
      ...(await workspaceFacts(held.runner.toolchain, sandbox, made, spec.start !== below.tree)),
      ...suite.lines,
    ];
    const said = await submissionOf<'implement'>(
      held,
      sandbox,
      { ...conventions, facts, excerpts: excerptsOf(spec.plan) },
      { keep: true, root: ROOT, news: suite.news },
    );
    if (failed !== null) await liftChecks(sandbox);
    if ('unfinished' in said) return leaveUnfinished(held, { base, from }, said, await sandbox.extract(from));
    if (said.blocked !== undefined)
      return putJson(runner.artifacts, Blocked, {
        kind: 'blocked',
        summary: said.summary,
        reason: said.blocked,
      });
    const change = await sandbox.extract(from);
    if (change.kind === 'empty')
      throw terminal(
        'change-refused',
        `The change is empty: the workspace equals the tree it started from. What was said of it: ${said.summary.slice(0, 2_000)}`,
      );
    return putJson(runner.artifacts, ChangeSet, {
      ...{
        summary: said.summary,
        commitMessage: said.commitMessage,
        ...(await kept(held, { base, from }, change, `${said.commitMessage}\n${said.summary}`)),
      },
    });
  });
}

/** The acceptance checks of which one failed last: whoever mends it, or holds it for wrong, reads it. */
function failedChecks(feedback: readonly Feedback[]): Digest | null {
  const last = feedback.findLast((one) => one.kind === 'tests');
  return last?.report.acceptance.some(isUnmet) ? last.report.checks : null;
}

/** What the workspace holds of a task that was too large for one attempt. */
async function leaveUnfinished(
  held: Held,
  on: Parameters<typeof kept>[1],
  { summary, unfinished: open }: { summary: string; unfinished: string },
  left: Extraction,
): Promise<Digest> {
  const change = left.kind === 'empty' ? null : await kept(held, on, left, '');
  return putJson(held.runner.artifacts, Unfinished, { kind: 'unfinished', summary, open, change });
}

/** Of a change, what its artifact says of it; its patch is put away. Throws where it, or its message, may not be kept. */
async function kept(
  { runner, spec }: Held,
  { base, from }: { base: Checkout; from: Checkout },
  change: Exclude<Extraction, { kind: 'empty' }>,
  message: string,
): Promise<Omit<ChangeSet, 'summary' | 'commitMessage'>> {
  if (change.kind === 'refused')
    throw terminal('change-refused', `The change was refused: ${change.reason}.`);
  const link = await linkAtConfiguration(
    runner.toolchain,
    spec.config,
    await filesOf(base, runner.toolchain),
    change.links,
  );
  if (link !== null)
    throw terminal(
      'change-refused',
      `The change was refused: ${link} is made a link, and what the tests' command and configuration load by name is a plain file. Nothing of it was kept; write the file itself.`,
    );
  runner.known.forget();
  const known = await runner.known.now();
  const secret =
    secretInPatch(change.patch, known) ??
    secretInMessage(message, known) ??
    (await secretInBinaries(
      change.paths,
      {
        before: reading(from),
        after: async (path) => reading(await madeOf(runner, change.tree))(path),
      },
      known,
    ));
  if (secret !== null)
    throw terminal(
      'change-refused',
      `The change was refused: ${secret}. Nothing of it was kept; take it out.`,
    );
  const { baseTree, tree, patchId, paths } = change;
  return { baseTree, tree, patch: await runner.artifacts.put(change.patch), patchId, paths };
}

const reading = (checkout: Checkout) => (path: string) =>
  readCheckout(checkout, path, Number.POSITIVE_INFINITY);

/** What a change came to, as its extraction left it unpacked. */
async function madeOf(runner: Runner, tree: GitSha): Promise<Checkout> {
  const made = await runner.sandboxes.unpacked(tree);
  if (made === null)
    throw terminal('change-refused', 'The change was refused: the tree that it comes to cannot be unpacked.');
  return made;
}

async function reviewStage(held: Held<SpecOf<'review'>>): Promise<Digest> {
  const { spec, runner } = held;
  const [base, from, tree] = await Promise.all([
    checkoutOf(held, spec.baseTree),
    checkoutOf(held, spec.from),
    checkoutOf(held, spec.tree),
  ]);
  const made = await prepareTree(held, tree);
  const on = 'kind' in made ? { checkout: tree, layer: null, root: '/workspace' as const } : made;
  const text = async (digest: Digest) => new TextDecoder().decode(await runner.artifacts.get(digest));
  const diff = await text(spec.patch);
  const interdiff = spec.interdiff === null ? null : await text(spec.interdiff);
  const conventions = await conventionsFor(
    held.runner.toolchain,
    base,
    spec.paths.map(({ path }) => path),
  );
  return withSandbox(held, on, { purpose: 'review', resume: false, base: from }, async (sandbox) => {
    if (spec.tested.checks !== null)
      await layChecks(
        sandbox,
        runner.artifacts,
        await getJson(runner.artifacts, AcceptanceChecks, spec.tested.checks),
      );
    const facts = [
      ...(await workspaceFacts(held.runner.toolchain, sandbox, made, true)),
      ...(await suiteFacts(held, await prepareTree(held, base))).lines,
    ];
    const materials = { ...conventions, facts, diff, ...(interdiff === null ? {} : { interdiff }) };
    const said = await submissionOf<'review'>(held, sandbox, materials, { keep: false, root: ROOT });
    return putJson(runner.artifacts, Review, { ...said, patchId: spec.patchId });
  });
}

async function deployStage(held: Held<SpecOf<'deploy'>>): Promise<Digest> {
  const { spec, runner } = held;
  const [base, tree] = await Promise.all([checkoutOf(held, spec.baseTree), checkoutOf(held, spec.tree)]);
  const on = await prepareOrFail(held, tree);
  const conventions = await conventionsFor(held.runner.toolchain, base, []);
  const diff = new TextDecoder().decode(await runner.artifacts.get(spec.patch));
  const { lines: facts } = await suiteFacts(held, await prepareTree(held, base));
  // The notes are on the merged tree, not on the build: nothing of one is needed by the other.
  const [{ layer, image, test }, said] = await together(
    held,
    (own) => buildRelease(own, { base: () => prepareOrFail(own, base), merged: on }),
    (own) =>
      withSandboxAsNeeded(own, on, { purpose: 'deploy', resume: false, base }, (sandbox) =>
        submissionOf<'deploy'>(own, sandbox, { ...conventions, diff, facts }, { keep: false, root: ROOT }),
      ),
  );
  const { release: id, commit, tree: merged } = spec;
  return putJson(runner.artifacts, Release, {
    ...{ id, commit, tree: merged, layer, image, test: TestReport.parse(test) },
    ...said,
  });
}
