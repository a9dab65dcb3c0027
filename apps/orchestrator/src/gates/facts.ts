import type { OpenTrail } from '@millwright/audit';
import type { Clock } from '@millwright/domain';
import {
  type Actor,
  type ChangeFacts,
  type Digest,
  type Facts,
  flipsOf,
  type GateAction,
  type GateId,
  type GitSha,
  getJson,
  goesUnreviewed,
  PersonId,
  Release,
  type ReleaseId,
  RepoConfig,
  type Run,
  reviewOf,
  TestReport,
  Ticket,
  type TicketKind,
  terminal,
  testOf,
} from '@millwright/domain';
import { countApprovals, undoOf } from '@millwright/policy';
import type { Store } from '@millwright/store';
import { effectiveStep, shipsWith, touchesFallen } from '../autonomy/effective-step.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { leftOf, scopesOf } from '../streams/budgets.ts';
import type { Forward } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { Register } from '../streams/register.ts';
import { hasRole } from '../streams/roles.ts';
import type { Streams } from '../streams/streams.ts';
import { changeFacts, irreversibleBetween, namesKnown } from './change-facts.ts';
import { APPROVER, handsIn } from './hands.ts';
import { heldBy, sameAs } from './quarantine.ts';

type Ports = {
  clock: Clock;
  forward: Forward;
  knownSecrets: KnownSecrets;
  register: Register;
  repositories: Repositories;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

/** Who said yes to exactly this subject, and until when that counts. */
export type Given = { approvals: { person: PersonId; at: number }[]; expiresAt: number };

/** What a gate judges, computed now by the factory. A fact that cannot be had throws: the gate is then asked again, never guessed. */
export async function factsFor(
  factory: Ports,
  run: Run,
  action: GateAction,
  subject: Digest,
  given: Given | null,
): Promise<Facts> {
  const { artifacts } = factory.store;
  const said = [...new Set((given?.approvals ?? []).map(({ person }) => person))];
  const here = { kind: 'repo', repo: run.repo } as const;
  const [ticket, config, authorTrusted, approve] = await Promise.all([
    getJson(artifacts, Ticket, run.ticketDigest),
    getJson(artifacts, RepoConfig, run.config),
    isTrusted(factory, run),
    Promise.all(said.map((person) => hasRole(factory, person, APPROVER, here))),
  ]);
  const { people: approvals } = countApprovals(
    (given?.approvals ?? []).map((one) => ({ ...one, subject })),
    {
      subject,
      approvers: said.filter((_, at) => approve[at]),
      hands: await handsIn(factory, run, said, APPROVER),
      askedAt: 0,
      expiresAt: given?.expiresAt ?? Number.MAX_SAFE_INTEGER,
      now: factory.clock.now(),
    },
  );
  const common = {
    repo: run.repo,
    subject,
    ...(await effectiveStep(factory, run, [ticket.kind])),
    ceiling: config.autonomy,
    halted: (await factory.forward.stopped({ action, repo: run.repo, model: null }))?.kind === 'halted',
    budgetLeftUsd: await budgetLeft(factory, run),
    requester: run.author,
    ticket: { kind: ticket.kind, authorTrusted, askedByPerson: isPerson(run.author) },
    approvals,
  };
  switch (action) {
    case 'start':
      return { action, ...common };
    case 'merge':
      return { action, ...common, ...(await mergeFacts(factory, run, ticket.kind, config, authorTrusted)) };
    case 'deploy':
      return { action, ...common, ...(await deployFacts(factory, run, ticket.kind, config, authorTrusted)) };
  }
}

async function mergeFacts(
  factory: Ports,
  run: Run,
  kind: TicketKind,
  config: RepoConfig,
  authorTrusted: boolean,
) {
  const { change } = run;
  if (!change) throw terminal('fact-missing', 'there is no change to judge');
  const tested = testOf(run, null, change.tree);
  const reviewed = reviewOf(run, change.patchId);
  const quarantine = await sameAs(factory, run.repo, run.base.commit, change.commit);
  const report = tested ? await getJson(factory.store.artifacts, TestReport, tested.report) : null;
  return {
    ...(await effectiveStep(
      factory,
      run,
      [kind],
      await touchesFallen(factory, run, run.base.tree, change.tree),
    )),
    candidate: { tree: change.tree, patchId: change.patchId },
    quarantine,
    change: await changeFacts(factory, run, run.base.tree, change.tree, {
      config,
      authorTrusted,
      report,
      held: quarantine,
    }),
    test: {
      tree: report?.tree ?? change.tree,
      verdict: report?.verdict ?? ('none' as const),
      namesKnown: namesKnown(report),
    },
    baseRewritten: run.rewritten,
    review: {
      patchId: change.patchId,
      verdict: goesUnreviewed(run) ? ('skipped' as const) : (reviewed?.verdict ?? ('none' as const)),
    },
  };
}

/** Judges everything between the live release and the new one, not only this run's change. */
async function deployFacts(
  factory: Ports,
  run: Run,
  kind: TicketKind,
  config: RepoConfig,
  authorTrusted: boolean,
) {
  if (!run.release || run.merge?.kind !== 'finished')
    throw terminal('fact-missing', 'there is no release to judge');
  const release = await getJson(factory.store.artifacts, Release, run.release.artifact);
  const target = await factory.forward.target(run.repo);
  const serving = target.live === null ? null : await releaseOf(factory, target.live);
  const from = serving?.tree ?? run.base.tree;
  const quarantine = await heldBy(factory, run.repo, release.commit, serving?.commit ?? null);
  const change = await changeFacts(factory, run, from, release.tree, {
    config,
    authorTrusted,
    report: release.test,
    held: quarantine,
  });
  const kinds = await shipsWith(factory, run, release.commit, serving?.commit ?? null);
  return {
    ...(await effectiveStep(
      factory,
      run,
      [kind, ...kinds],
      await touchesFallen(factory, run, from, release.tree),
    )),
    candidate: { tree: release.tree },
    quarantine,
    change,
    test: { tree: release.test.tree, verdict: release.test.verdict, namesKnown: namesKnown(release.test) },
    undo: undoOf(change.irreversible, run.rehearsal, target.live),
    undecided: await undecided(factory, run, release.commit, serving?.commit ?? null),
    frozen: target.frozen !== null,
    flips: flipsOf(target, release.id),
  };
}

/** What waits for people at a deploy gate of its own does not go out in another run's release without one who is told so. */
async function undecided(factory: Ports, run: Run, candidate: GitSha, live: GitSha | null) {
  const repo = await factory.repositories.open(run.repo);
  const found: { run: Run['id']; commit: GitSha; gate: GateId }[] = [];
  for (const other of (await factory.register.look()).open(run.repo)) {
    if (other.id === run.id || other.merge?.kind !== 'finished' || other.deploy !== null) continue;
    const gate = other.gates.findLast((one) => one.action === 'deploy' && one.ended !== 'voided');
    if (gate?.decision !== 'needs_approval') continue;
    const { commit } = other.merge;
    const carried =
      (await repo.isAncestor(commit, candidate)) && !(live !== null && (await repo.isAncestor(commit, live)));
    if (carried) found.push({ run: other.id, commit, gate: gate.gate });
  }
  return found.slice(0, 100);
}

/** What everything between the live release and this one does that cannot be taken back. */
export async function irreversibleSince(factory: Ports, run: Run): Promise<ChangeFacts['irreversible']> {
  if (!run.release) throw terminal('fact-missing', 'there is no release to judge');
  const { tree } = await getJson(factory.store.artifacts, Release, run.release.artifact);
  const repo = await factory.repositories.open(run.repo);
  const from = await comparedTree(factory, run);
  return irreversibleBetween(repo, from, tree);
}

async function liveTree(factory: Ports, run: Run): Promise<GitSha | null> {
  const { live } = await factory.forward.target(run.repo);
  return live === null ? null : (await releaseOf(factory, live)).tree;
}

async function releaseOf(factory: Ports, id: ReleaseId) {
  const info = (await factory.register.look()).release(id);
  if (!info) throw terminal('fact-missing', `release ${id} is not on the trail`);
  return getJson(factory.store.artifacts, Release, info.artifact);
}

/** Somebody of the factory, or whoever labelled an issue outside: that one is nobody whom the factory trusts. */
const isPerson = (author: Actor): boolean => /^(per_|integration\/github\/)/.test(author);

/** The author is a person who may file tickets of this repository now. */
async function isTrusted(factory: Ports, run: Run): Promise<boolean> {
  const author = PersonId.safeParse(run.author);
  return (
    author.success &&
    (await hasRole(factory, author.data, ['author', 'admin'], { kind: 'repo', repo: run.repo }))
  );
}

/** What is computed of everything between two trees of a run's repository; for people, beside what its gates judge. */
export async function riskBetween(
  factory: Ports,
  run: Run,
  from: GitSha,
  to: GitSha,
  report: TestReport | null,
): Promise<ChangeFacts> {
  const [config, authorTrusted] = await Promise.all([
    getJson(factory.store.artifacts, RepoConfig, run.config),
    isTrusted(factory, run),
  ]);
  return changeFacts(factory, run, from, to, {
    config,
    authorTrusted,
    report,
    held: [],
  });
}

/** The tree that a deploy is compared with: of the release that serves, else of the run's base. */
export const comparedTree = async (factory: Ports, run: Run): Promise<GitSha> =>
  (await liveTree(factory, run)) ?? run.base.tree;

async function budgetLeft(factory: Ports, run: Run): Promise<number> {
  const lines = await factory.store.budget.list({ scopes: await scopesOf(factory, run) });
  return Math.min(1_000_000, ...lines.map(leftOf));
}
