import type { OpenTrail } from '@millwright/audit';
import type { Clock, Digest, Instant } from '@millwright/domain';
import {
  Facts,
  type Gate,
  type GateId,
  getJson,
  type JudgedBy,
  JudgedFacts,
  type PersonId,
  RepoConfig,
  type Run,
  type RunEntry,
  streamOf,
  terminal,
} from '@millwright/domain';
import { DEFAULT_POLICY, type Decision, evaluate, loadPolicy, stableFacts } from '@millwright/policy';
import type { Secrets, Store } from '@millwright/store';
import type { Repositories } from '../source-control/repositories.ts';
import { blockedBy, troublesOf } from '../source-control/setup-troubles.ts';
import type { Forward } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import { factsFor } from './facts.ts';
import { layersOf } from './layers.ts';

type Ports = {
  clock: Clock;
  forward: Forward;
  knownSecrets: KnownSecrets;
  modelKey: boolean | null;
  repositories: Repositories;
  register: Register;
  secrets: Secrets;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

/**
 * A gate is used only if it would allow now as well: stable facts that changed since it was judged void it, and what is volatile (budget,
 * approvals, freeze) is judged again. Null when it still allows; otherwise the entry that voids it, after which it is asked anew.
 */
export async function whyVoid(factory: Ports, run: Run, id: GateId): Promise<RunEntry | null> {
  const gate = run.gates.find((one) => one.gate === id);
  if (!gate) throw terminal('no-such-gate', `gate ${id} is not on the run`);
  const { facts, decided, judgedOn } = await judge(factory, run, gate);
  if (judgedOn === null) throw terminal('no-such-gate', `gate ${id} was not judged`);
  const before = await getJson(factory.store.artifacts, JudgedFacts, judgedOn);
  const changed = changedKeys(stableFacts(before), stableFacts(Facts.parse(facts)));
  if (changed.length === 0 && decided.decision === 'allow') return null;
  const reason =
    changed.length > 0 ? `what it was judged on has changed: ${changed.join(', ')}` : decided.reason;
  return { type: 'gate.voided', data: { gate: id, reason: reason.slice(0, 4_000) } };
}

const changedKeys = (a: Record<string, unknown>, b: Record<string, unknown>): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]),
  );

/** `judgedOn`: the facts of the last time, null where it was not judged yet. */
export async function judge(
  factory: Ports,
  run: Run,
  gate: Gate,
): Promise<{ facts: Facts; decided: Decision; judgedBy: JudgedBy; judgedOn: Digest | null }> {
  const approvals: { person: PersonId; at: Instant }[] = [];
  let judgedOn: Digest | null = null;
  for (const { entry, envelope } of await factory.trail.read(streamOf.run(run.id))) {
    if (entry.type === 'gate.approved' && entry.data.gate === gate.gate)
      approvals.push({ person: entry.data.person, at: envelope.at });
    if (entry.type === 'gate.decided' && entry.data.gate === gate.gate) judgedOn = entry.data.facts;
  }
  const { expiresAt } = gate;
  const facts = await factsFor(factory, run, gate.action, gate.subject, { approvals, expiresAt });
  const { decided, judgedBy } = await decide(factory, run, facts);
  const blocked = gate.action === 'start' ? await unlessBlocked(factory, run, decided) : decided;
  return { facts, decided: blocked, judgedBy, judgedOn };
}

/** What cannot work is said before anything is paid for; what only may not is said beside the decision. */
async function unlessBlocked(factory: Ports, run: Run, decided: Decision): Promise<Decision> {
  if (decided.decision === 'deny') return decided;
  const config = await getJson(factory.store.artifacts, RepoConfig, run.config);
  const repo = await factory.repositories.open(run.repo);
  const troubles = await troublesOf(factory, repo, run.repo, { tree: run.base.tree, config });
  const blocked = blockedBy(troubles);
  if (blocked !== '')
    return { decision: 'deny', policies: ['setup'], approvals: 0, reason: `It cannot work yet: ${blocked}.` };
  const noted = troubles.map((one) => one.text).join('; ');
  return noted === '' ? decided : { ...decided, reason: `${decided.reason} Known beforehand: ${noted}.` };
}

/** What the factory's policy, the layer of the repository's unit and the repository's own, of the base that the run stands on, say to these facts. */
export async function decide(
  factory: Ports,
  run: Run,
  facts: Facts,
): Promise<{ decided: Decision; judgedBy: JudgedBy }> {
  const { unit, layers, odd } = await layersOf(factory, run.repo, run.base.tree);
  const judgedBy: JudgedBy = {
    default: DEFAULT_POLICY,
    factory: layers.factory,
    unit: { unit, text: layers.unit },
    repository: layers.repository,
  };
  if (odd !== null) return { decided: refused('repository', odd), judgedBy };
  // Alone first: whose text is at fault is said.
  const ofUnit = loadPolicy({ ...layers, repository: null });
  if (ofUnit.kind === 'refused')
    return { decided: refused('unit', `unit ${unit}: ${ofUnit.problems.join('; ')}`), judgedBy };
  const loaded = loadPolicy(layers);
  const decided =
    loaded.kind === 'loaded'
      ? explained(evaluate(loaded.policy, facts), facts)
      : refused('repository', loaded.problems.join('; '));
  return { decided, judgedBy };
}

/** What stands in the place of a policy and cannot be read as one is not the same as none. */
const refused = (whose: 'unit' | 'repository', why: string): Decision => ({
  ...{ decision: 'deny', policies: [`${whose}-policy`], approvals: 0 },
  reason: `the ${whose}'s policy was refused: ${why}`,
});

/** Names what is in quarantine, and what is carried undecided. */
function explained(decided: Decision, facts: Facts): Decision {
  if (facts.action === 'deploy' && decided.policies.includes('deploy-carries')) {
    const carried = facts.undecided.map(
      ({ run, commit, gate }) => `${commit.slice(0, 10)} of ${run} (gate ${gate})`,
    );
    return { ...decided, reason: `${decided.reason} Carries: ${carried.join('; ')}` };
  }
  if (facts.action === 'start' || !decided.policies.includes('quarantine')) return decided;
  const held = facts.quarantine.map(
    ({ commit, release, how, as }) =>
      `${commit.slice(0, 10)} of ${release}${how === 'commit' ? '' : ` (its patch, as ${as.slice(0, 10)})`}`,
  );
  return { ...decided, reason: `${decided.reason} Held: ${held.join('; ')}` };
}
