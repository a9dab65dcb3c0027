import type { TicketKind } from '../artifacts.ts';
import type { EntryType, GateAction, RunEnd } from '../entries/index.ts';
import type { RecordedEntry } from '../envelope.ts';
import type { Actor, AttemptId, GateId, Instant, ReleaseId, RepoName, RunId, TicketId } from '../ids.ts';
import type { Role } from '../spec.ts';

// What figures are made of, read off entries and nothing else. Pure. Entries may be missing, of runs that began before anybody looked: what is
// not known of a run is null, and no figure counts it.

/** What is read of each run that is measured, and of its attempts; of its ticket, the whole stream. */
export const OF_RUNS = [
  'run.opened',
  'run.closed',
  'run.resumed',
  'run.parked',
  'gate.asked',
  'gate.decided',
  'gate.approved',
  'gate.denied',
  'gate.voided',
  'gate.expired',
  'question.asked',
  'question.answered',
  'run.steered',
  'task.blocked',
  'task.stuck',
  'task.changed',
  'stage.opened',
  'stage.closed',
  'attempt.claimed',
  'change.queued',
  'merge.started',
  'merge.finished',
  'run.stop-asked',
  'release.built',
  'deploy.started',
  'deploy.finished',
  'revert.finished',
] as const satisfies readonly EntryType[];
/** Of everything that serves, in the period and since. */
export const OF_TARGETS = [
  'rollback.asked',
  'canary.asked',
  'target.released',
  'target.healed',
  'target.not-healed',
] as const satisfies readonly EntryType[];

export type Span = { from: Instant; to: Instant };
/** Working is from a runner's claim on; where nobody claimed it, it waited to its end. */
type StageFact = Span & { role: Role; claimedAt: Instant | null };
export type DeployFact = {
  release: ReleaseId;
  startedAt: Instant | null;
  at: Instant;
  position: number;
  result: 'promoted' | 'rolled_back' | 'failed';
};

export type RunFact = {
  run: RunId;
  ticket: TicketId;
  repo: RepoName;
  deploys: boolean;
  openedAt: Instant;
  /** The last end; null where it goes on. */
  closed: { at: Instant; end: RunEnd; usd: number; position: number } | null;
  /** What people did in it: approvals, answers, retries, cancelling. */
  people: number;
  /** When the first change of it was handed in. */
  changedAt: Instant | null;
  merged: { at: Instant; position: number } | null;
  reverted: boolean;
  release: ReleaseId | null;
  outcomes: DeployFact[];
  stages: StageFact[];
  gates: (Span & { action: GateAction })[];
  /** Waiting for a person's answer, and parked. */
  asked: Span[];
  parked: Span[];
  /** In its place of the merge queue, until its merge begins. */
  queued: Span[];
};

type TicketFact = {
  kind: TicketKind;
  repo: RepoName;
  filedAt: Instant;
  /** Positions at which it was opened again, what had shipped not having stayed. */
  reopened: number[];
};

export type Facts = {
  runs: ReadonlyMap<RunId, RunFact>;
  tickets: ReadonlyMap<TicketId, TicketFact>;
  released: readonly {
    repo: string;
    release: ReleaseId;
    previous: ReleaseId | null;
    by: 'deploy' | 'rollback';
    at: Instant;
    position: number;
  }[];
  rollbacksAsked: readonly { repo: string; at: Instant }[];
  incidents: readonly { ticket: TicketId; release: ReleaseId | null; startedAt: Instant; position: number }[];
  healed: readonly { repo: string; ok: boolean; at: Instant; position: number }[];
};

type Open = {
  gates: Map<GateId, { action: GateAction; from: Instant }>;
  stages: Map<AttemptId, Omit<StageFact, 'to'>>;
};
/** What of a run has begun and not ended yet. */
type OpenSpans = Open & Record<'asked' | 'parked' | 'queued' | 'deploy', Instant | null>;

const isPerson = (actor: Actor): boolean => actor.startsWith('per_');

/** Folds entries, in the order of the trail. */
export function factsOf(entries: readonly RecordedEntry[]): Facts {
  const runs = new Map<RunId, RunFact>();
  const open = new Map<RunId, OpenSpans>();
  const attempts = new Map<AttemptId, RunId>();
  const tickets = new Map<TicketId, TicketFact>();
  const released: Facts['released'][number][] = [];
  const rollbacksAsked: Facts['rollbacksAsked'][number][] = [];
  const incidents: Facts['incidents'][number][] = [];
  const healed: Facts['healed'][number][] = [];

  for (const recorded of entries) {
    const { envelope, entry } = recorded;
    const { at, position } = envelope;
    const [kind = '', id = ''] = envelope.stream.split('/');
    switch (entry.type) {
      case 'run.opened': {
        const { run, ticket, repo, deploys } = entry.data;
        runs.set(run, noRun({ run, ticket, repo, deploys, openedAt: at }));
        open.set(run, {
          gates: new Map(),
          stages: new Map(),
          asked: null,
          parked: null,
          queued: null,
          deploy: null,
        });
        continue;
      }
      case 'attempt.claimed': {
        const run = attempts.get(id as AttemptId);
        const stage = run && open.get(run)?.stages.get(id as AttemptId);
        if (stage) stage.claimedAt ??= at;
        continue;
      }
      case 'ticket.filed': {
        const { ticket, kind: of, repo } = entry.data;
        tickets.set(ticket, { kind: of, repo, filedAt: at, reopened: [] });
        continue;
      }
      case 'ticket.reopened':
        tickets.get(entry.data.ticket)?.reopened.push(position);
        continue;
      case 'ticket.answered': {
        const run = runs.get(entry.data.run);
        if (run && isPerson(envelope.actor)) run.people += 1;
        continue;
      }
      case 'ticket.incident-raised':
        incidents.push({
          ticket: entry.data.ticket,
          release: entry.data.release,
          startedAt: entry.data.startedAt,
          position,
        });
        continue;
      case 'rollback.asked':
        rollbacksAsked.push({ repo: id, at });
        continue;
      case 'target.released': {
        const { release, previous, by } = entry.data;
        released.push({ repo: id, release, previous, by, at, position });
        continue;
      }
      case 'target.healed':
      case 'target.not-healed':
        healed.push({ repo: id, ok: entry.type === 'target.healed', at, position });
        continue;
      case 'canary.asked': {
        const run = [...runs.values()].find(({ release }) => release === entry.data.release);
        if (run && isPerson(envelope.actor)) run.people += 1;
        continue;
      }
      default: {
        const [run, spans] = [runs.get(id as RunId), open.get(id as RunId)];
        if (kind !== 'run' || run === undefined || spans === undefined) continue;
        if (isPerson(envelope.actor)) run.people += 1;
        if (entry.type === 'stage.opened') attempts.set(entry.data.attempt, run.run);
        foldRun(run, spans, recorded);
      }
    }
  }
  return { runs, tickets, released, rollbacksAsked, incidents, healed };
}

const noRun = (of: Pick<RunFact, 'run' | 'ticket' | 'repo' | 'deploys' | 'openedAt'>): RunFact => ({
  ...of,
  closed: null,
  people: 0,
  changedAt: null,
  merged: null,
  reverted: false,
  release: null,
  outcomes: [],
  stages: [],
  gates: [],
  asked: [],
  parked: [],
  queued: [],
});

function foldRun(run: RunFact, spans: OpenSpans, { envelope, entry }: RecordedEntry): void {
  const { at, position } = envelope;
  const end = (name: 'asked' | 'parked' | 'queued') => {
    const from = spans[name];
    if (from !== null) run[name].push({ from, to: at });
    spans[name] = null;
  };
  switch (entry.type) {
    case 'gate.asked':
      spans.gates.set(entry.data.gate, { action: entry.data.action, from: at });
      return;
    case 'gate.decided':
    case 'gate.denied':
    case 'gate.voided':
    case 'gate.expired': {
      const gate = spans.gates.get(entry.data.gate);
      if (!gate || (entry.type === 'gate.decided' && entry.data.decision === 'needs_approval')) return;
      run.gates.push({ ...gate, to: at });
      spans.gates.delete(entry.data.gate);
      return;
    }
    case 'question.asked':
    case 'task.blocked':
    case 'task.stuck':
      spans.asked ??= at;
      return;
    case 'question.answered':
      end('asked');
      return;
    case 'stage.opened':
      spans.stages.set(entry.data.attempt, { role: entry.data.role, from: at, claimedAt: null });
      return;
    case 'stage.closed': {
      const stage = spans.stages.get(entry.data.attempt);
      if (stage) run.stages.push({ ...stage, to: at });
      spans.stages.delete(entry.data.attempt);
      return;
    }
    case 'task.changed':
      run.changedAt ??= at;
      return;
    case 'change.queued':
      spans.queued ??= at;
      return;
    case 'merge.started':
      end('queued');
      return;
    case 'merge.finished':
      end('queued');
      run.merged = { at, position };
      return;
    case 'release.built':
      run.release = entry.data.release;
      return;
    case 'deploy.started':
      spans.deploy = at;
      return;
    case 'deploy.finished': {
      const { release, result } = entry.data;
      run.outcomes.push({ release, result, startedAt: spans.deploy, at, position });
      spans.deploy = null;
      return;
    }
    case 'revert.finished':
      run.reverted ||= entry.data.commit !== null;
      return;
    case 'run.parked':
      spans.parked ??= at;
      return;
    case 'run.resumed':
      end('parked');
      run.closed = null;
      return;
    case 'run.closed': {
      end('asked');
      end('parked');
      end('queued');
      run.closed = { at, end: entry.data.end, usd: entry.data.usage.usd, position };
      return;
    }
    default:
      return;
  }
}
