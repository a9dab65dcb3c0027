import type { Explanation } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import {
  DEFAULT_UNIT,
  type EntryOf,
  Facts,
  type Gate,
  getJson,
  JudgedBy,
  JudgedFacts,
  type Run,
  streamOf,
} from '@millwright/domain';
import { DEFAULT_POLICY, evaluate, explain, policyOf } from '@millwright/policy';
import type { Store } from '@millwright/store';
import { problem } from '../problem.ts';

type Ports = { store: Store; trail: OpenTrail };

/** What was not kept with a decision of before: it is explained by what Millwright comes with now. */
const UNKEPT: JudgedBy = {
  ...{ default: DEFAULT_POLICY, factory: null, repository: null },
  unit: { unit: DEFAULT_UNIT, text: null },
};

/** The newest decision about a gate, from what was kept with it. Throws 409 where none was made yet. */
export async function explanationOf(factory: Ports, run: Run, gate: Gate): Promise<Explanation> {
  const entries = await factory.trail.read(streamOf.run(run.id));
  const last = entries.findLast(
    ({ entry }) => entry.type === 'gate.decided' && entry.data.gate === gate.gate,
  );
  if (last?.entry.type !== 'gate.decided')
    throw problem('not-due', 'nothing was decided at that gate yet', { act: 'show-gate', id: gate.gate });
  const { decision, approvals, reason } = last.entry.data;
  const { at, position } = last.envelope;
  return {
    ...{ gate: gate.gate, run: run.id, repo: run.repo, action: gate.action },
    ...{ decision, approvalsNeeded: approvals, reason, at, position },
    ...(await explained(factory, last.entry.data)),
  };
}

type Why = Pick<Explanation, 'policies' | 'facts' | 'smallest' | 'complete' | 'notes'>;
const unexplained = (note: string): Why => ({
  ...{ policies: [], facts: [], smallest: [], complete: false },
  notes: [note],
});

async function explained({ store }: Ports, decided: EntryOf<'gate.decided'>['data']): Promise<Why> {
  const { artifacts } = store;
  const kept = Facts.safeParse(await getJson(artifacts, JudgedFacts, decided.facts));
  if (!kept.success) return unexplained('it was decided by an older factory, which knew fewer facts');
  const facts = kept.data;
  const by = decided.judgedBy === undefined ? UNKEPT : await getJson(artifacts, JudgedBy, decided.judgedBy);
  const loaded = policyOf(by);
  if (loaded.kind === 'refused') return unexplained(`the policy was refused: ${loaded.problems.join('; ')}`);
  const again = evaluate(loaded.policy, facts);
  if (again.decision !== decided.decision || again.policies.join() !== decided.policies.join())
    return unexplained(
      decided.judgedBy === undefined
        ? 'it was decided before policies were kept with decisions, and by another policy than there is now'
        : `it was no policy that decided it: ${decided.reason}`,
    );
  if (again.policies.some((id) => !loaded.policy.statements.has(id)))
    return unexplained(`the policy could not be evaluated: ${again.reason}`);
  const { policies, ...why } = explain(loaded, facts);
  return {
    policies: policies.map(({ id, effect, says, text }) => ({ id, effect, says, text })),
    facts: why.facts as Why['facts'],
    smallest: why.smallest as Why['smallest'],
    complete: why.complete,
    notes:
      decided.judgedBy === undefined
        ? ['by the policy that Millwright comes with now: what it was judged by was not kept']
        : [],
  };
}
