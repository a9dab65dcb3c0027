import type { Replay } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import {
  type Digest,
  Facts,
  getJson,
  JudgedBy,
  JudgedFacts,
  type RecordedEntry,
  type RoleScope,
} from '@millwright/domain';
import { judgeAgain } from '@millwright/policy';
import type { ReadModel } from '@millwright/read-model';
import type { Store } from '@millwright/store';

type Ports = { readModel: ReadModel; store: Store; trail: OpenTrail };

export type Replayed = {
  scope: RoleScope;
  policy: string | null;
  /** Decisions from this instant on, at positions before that one, the newest first, so many at most. */
  since: number;
  before?: number | undefined;
  limit: number;
};

/** Judges a part of what was decided anew, with another text of one layer. The text has been checked. */
export async function replay(
  factory: Ports,
  { scope, policy, since, before, limit }: Replayed,
): Promise<Replay> {
  await factory.readModel.reached(await factory.trail.head());
  const lines = await factory.readModel.trailPage(
    { types: ['gate.decided'], from: since, ...(scope.kind === 'repo' ? { repo: scope.repo } : {}) },
    { after: 0, limit, newest: true, ...(before === undefined ? {} : { before }) },
  );
  // A page that is cut for its size is cut at its end.
  const entries = await factory.trail.readAt(lines.map(({ position }) => position));
  const kept = new Map<Digest, Promise<JudgedBy>>();
  const by = (digest: Digest) => {
    const known = kept.get(digest) ?? getJson(factory.store.artifacts, JudgedBy, digest);
    kept.set(digest, known);
    return known;
  };
  const found: Replay = { judged: 0, untold: 0, flips: [], next: null };
  for (const recorded of entries) await again(factory, recorded, { scope, policy, by, found });
  const last = entries.at(-1)?.envelope.position;
  const whole = entries.length === lines.length && lines.length < limit;
  return { ...found, next: whole ? null : (last ?? null) };
}

async function again(
  { store }: Ports,
  { entry, envelope: { at, position, stream } }: RecordedEntry,
  {
    scope,
    policy,
    by,
    found,
  }: { scope: RoleScope; policy: string | null; by: (digest: Digest) => Promise<JudgedBy>; found: Replay },
): Promise<void> {
  if (entry.type !== 'gate.decided') return;
  const { gate, facts: digest, judgedBy, decision, approvals, policies } = entry.data;
  if (judgedBy === undefined) {
    found.untold += 1;
    return;
  }
  const [kept, texts] = await Promise.all([getJson(store.artifacts, JudgedFacts, digest), by(judgedBy)]);
  // An older factory knew fewer facts: there is no default for one.
  const { success, data: facts } = Facts.safeParse(kept);
  if (!success) {
    found.untold += 1;
    return;
  }
  if (scope.kind === 'unit' && texts.unit.unit !== scope.unit) return;
  const layer = scope.kind === 'repo' ? 'repository' : scope.kind;
  const past = { facts, judgedBy: texts, decided: { decision, approvals, policies } };
  const answer = judgeAgain(past, layer, policy);
  found[answer.kind === 'untold' ? 'untold' : 'judged'] += 1;
  if (answer.kind !== 'flips') return;
  const { would, looser } = answer;
  found.flips.push({
    ...{ gate, repo: facts.repo, action: facts.action, at, position, looser },
    run: stream.slice('run/'.length) as Replay['flips'][number]['run'],
    ...{ was: { decision, approvals }, would },
  });
}
