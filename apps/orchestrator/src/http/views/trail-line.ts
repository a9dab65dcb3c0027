import type { TrailActor, TrailLine, TrailResult } from '@millwright/api';
import {
  type Entry,
  type Fold,
  type Gate,
  type GateAction,
  type RecordedEntry,
  type RunId,
  sendsBack,
} from '@millwright/domain';
import type { LineAt } from '@millwright/read-model';
import { named } from '../names.ts';
import { sentence } from './account.ts';

/** What tells an account of an entry: the fold up to now, and people's names, which lie outside the trail. */
export type Account = { fold: Fold; names: Map<string, string> };

/** An entry as the API gives it: who did what, on which bytes, allowed by which decision, with what result. */
export function trailLine(
  { fold, names }: Account,
  recorded: RecordedEntry,
  { run, repo }: Pick<LineAt, 'run' | 'repo'>,
): TrailLine {
  const { envelope, entry } = recorded;
  const allowedBy = allowed(fold, recorded, entry);
  const result = resultOf(fold, recorded, entry);
  return {
    position: envelope.position,
    stream: envelope.stream,
    version: envelope.version,
    type: envelope.type,
    actor: envelope.actor,
    actorName: names.get(envelope.actor) ?? null,
    at: envelope.at,
    payloadDigest: envelope.payloadDigest,
    data: entry.data,
    run,
    repo,
    who: whoActed(fold, names, recorded),
    text: `${named(sentence(entry, asked(fold, recorded)), names)}${result === 'unknown' ? ' — attempted, outcome unknown' : ''}`,
    on: touched(entry),
    allowedBy,
    result,
  };
}

/** The gate that an entry of a run speaks of. */
function asked(fold: Fold, { envelope, entry }: RecordedEntry): Gate | undefined {
  if (!('gate' in entry.data)) return undefined;
  const { gate } = entry.data;
  return fold.run(envelope.stream.slice('run/'.length) as RunId)?.gates.find((one) => one.gate === gate);
}

const ROLES: Record<string, string> = {
  plan: 'planner',
  implement: 'implementer',
  review: 'reviewer',
  test: 'tester',
  deploy: 'releaser',
};

function whoActed(fold: Fold, names: Map<string, string>, { envelope, entry }: RecordedEntry): TrailActor {
  const [kind = '', role = ''] = envelope.actor.split('/');
  if (kind === 'agent') {
    const attempt = fold.attempts.get(envelope.stream.slice('attempt/'.length) as never);
    const model = entry.type === 'turn.recorded' ? entry.data.model : (attempt?.model ?? null);
    return { kind: 'agent', name: ROLES[role] ?? role, model };
  }
  if (kind === 'runner') return { kind: 'runner', name: 'runner', model: null };
  if (envelope.actor.startsWith('per_'))
    return { kind: 'person', name: names.get(envelope.actor) ?? envelope.actor, model: null };
  return { kind: 'factory', name: 'factory', model: null };
}

/** The gate whose yes an act stands on. Undoing stands on none. */
function gateActionOf(entry: Entry): GateAction | null {
  switch (entry.type) {
    case 'stage.opened':
      return 'start';
    case 'merge.started':
    case 'merge.finished':
      return 'merge';
    case 'deploy.started':
    case 'deploy.finished':
    case 'target.effect-started':
    case 'target.effect-finished':
      return 'deploy';
    case 'target.released':
      return entry.data.by === 'deploy' ? 'deploy' : null;
    default:
      return null;
  }
}

/** The last decision before the entry that allowed the act. */
function allowed(fold: Fold, { envelope }: RecordedEntry, entry: Entry): TrailLine['allowedBy'] {
  const action = gateActionOf(entry);
  if (action === null) return null;
  const [kind, id] = envelope.stream.split('/');
  const release =
    'release' in entry.data && entry.data.release !== null
      ? fold.releases.get(entry.data.release)
      : undefined;
  const run = fold.runs.get(kind === 'run' ? (id as never) : (release?.run as never));
  const decision = run?.allows.findLast((one) => one.action === action && one.position < envelope.position);
  return decision ?? null;
}

function resultOf(fold: Fold, { envelope }: RecordedEntry, entry: Entry): TrailResult {
  const open = fold.effects.stateOf(envelope.stream, envelope.position, entry);
  if (open !== 'known') return open;
  switch (entry.type) {
    case 'gate.decided':
    case 'undo.asked':
      return entry.data.decision === 'allow' ? 'done' : entry.data.decision === 'deny' ? 'failed' : 'waiting';
    case 'question.asked':
    case 'task.blocked':
    case 'task.stuck':
      return 'waiting';
    case 'gate.denied':
    case 'gate.expired':
    case 'gate.voided':
    case 'merge.refused':
    case 'task.conflicted':
    case 'checks.disputed':
    case 'attempt.refused':
      return 'failed';
    case 'gate.approved':
    case 'merge.finished':
    case 'plan.accepted':
    case 'plan.revised':
    case 'target.reconciled':
    case 'task.integrated':
    case 'target.released':
      return 'done';
    case 'stage.closed':
    case 'attempt.closed':
      return entry.data.outcome.kind === 'done' ? 'done' : 'failed';
    case 'task.reviewed':
      return entry.data.verdict === 'approve' ? 'done' : 'failed';
    case 'change.tested':
    case 'release.built':
      return sendsBack(entry.data.verdict) ? 'failed' : 'done';
    case 'release.rehearsed':
      return entry.data.result === 'works' ? 'done' : 'failed';
    case 'deploy.finished':
    case 'undo.finished':
      return entry.data.result === 'promoted' ? 'done' : 'failed';
    case 'revert.finished':
    case 'target.revert-finished':
      return entry.data.commit === null ? 'failed' : 'done';
    case 'target.effect-finished':
      return entry.data.result;
    case 'run.closed':
    case 'ticket.closed':
      return entry.data.end === 'done' ? 'done' : 'failed';
    default:
      return 'noted';
  }
}

const DIGEST = /^(?:sha256:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Every digest and commit that an entry names, by the field that names it. */
function touched(entry: Entry): TrailLine['on'] {
  const found: TrailLine['on'] = [];
  const look = (what: string, value: unknown): void => {
    if (typeof value === 'string' && DIGEST.test(value)) found.push({ what, digest: value });
    else if (Array.isArray(value)) for (const one of value) look(what, one);
    else if (value !== null && typeof value === 'object')
      for (const [name, inner] of Object.entries(value)) look(what === '' ? name : `${what}.${name}`, inner);
  };
  look('', entry.data);
  return found;
}
