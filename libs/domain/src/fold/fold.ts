import type { TicketKind } from '../artifacts.ts';
import type { AttemptPause } from '../attempt.ts';
import { OpenEffects } from '../effects.ts';
import type { Entry, EntryOf, GateAction, Usage } from '../entries/index.ts';
import type { RecordedEntry } from '../envelope.ts';
import type {
  AttemptId,
  Digest,
  GateId,
  GitSha,
  Instant,
  ReleaseId,
  RepoName,
  RunId,
  TicketId,
} from '../ids.ts';
import {
  type Autonomy,
  evolveAutonomy,
  type ForgePlace,
  NO_AUTONOMY,
  placeAfter,
  recordReverted,
  recordServed,
} from '../repository/index.ts';
import {
  addUsage,
  evolve,
  initialState,
  noUsage,
  type Queued,
  type Run,
  type RunState,
} from '../run/index.ts';
import { movedLast } from '../target/index.ts';
import { Quarantine, type Quarantined } from './quarantine.ts';
import { foldTarget, NO_TARGET, type TargetInfo } from './targets.ts';
import { foldTicket, type TicketInfo } from './tickets.ts';

/** `place`: where its tickets come from and are told of, outside. */
export type RepoInfo = EntryOf<'repo.added'>['data'] & Autonomy & { place: ForgePlace | null };
export type AttemptInfo = {
  attempt: AttemptId;
  run: RunId;
  openedAt: Instant;
  claimedAt: Instant | null;
  endedAt: Instant | null;
  turns: number;
  action: string | null;
  /** The model that owes this attempt an answer. */
  asks: { model: string; since: Instant } | null;
  model: string | null;
  usage: Usage;
  /** It waits for a budget. */
  paused: AttemptPause | null;
};
export type RunInfo = {
  id: RunId;
  state: RunState;
  version: number;
  openedAt: Instant;
  closedAt: Instant | null;
  position: number;
  /** Where on the trail it took its place in the merge queue, and where it began to wait for a person. */
  place: number | null;
  parkedAt: number | null;
  approvals: { gate: string; person: string; reason: string; at: Instant }[];
  policies: Record<string, { policies: string[]; facts: Digest; reason: string }>;
  /** When each gate was last spoken of. */
  gatesAt: Record<string, Instant>;
  /** The decisions that allowed something, in order. */
  allows: { gate: GateId; action: GateAction; policies: string[]; position: number }[];
};
export type ReleaseInfo = {
  id: ReleaseId;
  run: RunId;
  repo: RepoName;
  artifact: Digest;
  builtAt: Instant;
  /** The attestation of how it was built. */
  provenance: Digest | null;
  result: 'promoted' | 'rolled_back' | 'failed' | null;
};

/**
 * What several streams say together, folded in the order of the trail: as much of it as the entries that it was given. The rows that are listed
 * are made of it, and so is what whoever decides reads of other streams than its own.
 */
export class Fold {
  readonly repos = new Map<RepoName, RepoInfo>();
  readonly tickets = new Map<TicketId, TicketInfo>();
  readonly runs = new Map<RunId, RunInfo>();
  readonly attempts = new Map<AttemptId, AttemptInfo>();
  readonly releases = new Map<ReleaseId, ReleaseInfo>();
  readonly targets = new Map<RepoName, TargetInfo>();
  /** Caps of budgets in dollars, as people set them; null lifts one. */
  readonly budgets = new Map<string, number | null>();
  /** Where on the trail a cap was set last. */
  capSetAt = 0;
  /** Which effects have no outcome yet. */
  readonly effects = new OpenEffects();
  readonly quarantines = new Quarantine();

  /** Holds what another one holds, which is not used any more. */
  become(other: Fold): void {
    const take = <K, V>(map: Map<K, V>, from: ReadonlyMap<K, V>) => {
      map.clear();
      for (const [key, value] of from) map.set(key, value);
    };
    take(this.repos, other.repos);
    take(this.tickets, other.tickets);
    take(this.runs, other.runs);
    take(this.attempts, other.attempts);
    take(this.releases, other.releases);
    take(this.targets, other.targets);
    take(this.budgets, other.budgets);
    this.capSetAt = other.capSetAt;
    this.effects.restore(other.effects.list(), other.effects.started);
    this.quarantines.restore(other.quarantines.all());
  }

  repo(name: RepoName): RepoInfo | undefined {
    return this.repos.get(name);
  }

  run(id: RunId): Run | undefined {
    const state = this.runs.get(id)?.state;
    return state?.kind === 'run' ? state : undefined;
  }

  evidenceOf(ticket: TicketId): string[] {
    return this.tickets.get(ticket)?.evidence ?? [];
  }

  target(repo: RepoName): TargetInfo {
    return this.targets.get(repo) ?? NO_TARGET;
  }

  /** The runs that have a place in the repository's merge queue. */
  queue(repo: RepoName): Queued[] {
    return [...this.runs.values()].flatMap(({ state, place, closedAt }) =>
      state.kind === 'run' && state.repo === repo && place !== null && closedAt === null
        ? [{ run: state, place }]
        : [],
    );
  }

  /** What of this repository does not ship again as it is. */
  quarantine(repo: RepoName): Quarantined[] {
    return this.quarantines.of(repo);
  }

  /** Which kind of change a release was built for; null where the trail does not say. */
  kindOf(release: ReleaseId): TicketKind | null {
    const info = this.releases.get(release);
    return (info && this.#kindOfRun(info.run)) ?? null;
  }

  #kindOfRun(id: RunId): TicketKind | undefined {
    const run = this.run(id);
    return run && this.tickets.get(run.ticket)?.kind;
  }

  /** A run's release came to serve, or a person took it back: evidence for its kind of change. */
  #earn(id: RunId, change: typeof recordServed): void {
    const repo = this.run(id)?.repo;
    const [info, kind] = [repo && this.repos.get(repo), this.#kindOfRun(id)];
    if (info && kind) this.repos.set(info.repo, { ...info, ...change(info, kind, id) });
  }

  /** The commit that a release was built from, or null where the trail does not say. */
  #builtFrom(id: ReleaseId): { repo: RepoName; commit: GitSha } | null {
    const info = this.releases.get(id);
    const merge = info === undefined ? undefined : this.run(info.run)?.merge;
    return info !== undefined && merge?.kind === 'finished'
      ? { repo: info.repo, commit: merge.commit }
      : null;
  }

  /** One more entry, in the order of the trail. */
  fold(recorded: RecordedEntry): void {
    const { envelope, entry } = recorded;
    this.#fold(recorded, entry);
    this.effects.apply(envelope, entry);
    this.quarantines.apply(
      entry,
      envelope.at,
      (id) => this.#builtFrom(id),
      () => movedLast(this.target(envelope.stream.slice('target/'.length) as RepoName)),
    );
  }

  #fold({ envelope }: RecordedEntry, entry: Entry): void {
    const [kind, id] = envelope.stream.split('/');
    if (kind === 'run') this.#foldRun(id as RunId, envelope, entry);
    if (kind === 'ticket') foldTicket(this.tickets, envelope, entry);
    if (kind === 'target') {
      const repo = id as RepoName;
      this.targets.set(repo, foldTarget(this.target(repo), envelope, entry));
      if (entry.type === 'target.released' && entry.data.by === 'rollback')
        for (const left of movedLast(this.target(repo))) {
          const run = this.releases.get(left)?.run;
          if (run) this.#earn(run, recordReverted);
        }
    }
    switch (entry.type) {
      case 'factory.budget-set':
        this.budgets.set(entry.data.scope, entry.data.usd);
        this.capSetAt = envelope.position;
        return;
      case 'repo.added':
        this.repos.set(entry.data.repo, {
          ...NO_AUTONOMY,
          place: null,
          ...this.repos.get(entry.data.repo),
          ...entry.data,
        });
        return;
      case 'repo.connected':
      case 'repo.disconnected': {
        const info = this.repos.get(entry.data.repo);
        if (info) this.repos.set(info.repo, { ...info, place: placeAfter(info.place, entry) });
        return;
      }
      case 'repo.step-set':
      case 'autonomy.dropped':
      case 'autonomy.raise-proposed': {
        const info = this.repos.get(entry.data.repo);
        if (info) this.repos.set(info.repo, { ...info, ...evolveAutonomy(info, entry, envelope.at) });
        return;
      }
      case 'attempt.opened':
        this.attempts.set(entry.data.attempt, {
          attempt: entry.data.attempt,
          run: entry.data.run,
          openedAt: envelope.at,
          claimedAt: null,
          endedAt: null,
          turns: 0,
          action: null,
          asks: null,
          model: null,
          usage: noUsage(),
          paused: null,
        });
        return;
      case 'attempt.claimed':
      case 'attempt.paused':
      case 'turn.asked':
      case 'turn.lost':
      case 'turn.recorded':
      case 'attempt.closed':
        this.#foldAttempt(id as AttemptId, envelope.at, entry);
        return;
      default:
        return;
    }
  }

  #foldAttempt(
    id: AttemptId,
    at: Instant,
    entry: EntryOf<
      'attempt.claimed' | 'attempt.paused' | 'turn.asked' | 'turn.lost' | 'turn.recorded' | 'attempt.closed'
    >,
  ): void {
    const attempt = this.attempts.get(id);
    if (!attempt) return;
    if (entry.type === 'attempt.claimed') attempt.claimedAt ??= at;
    if (entry.type === 'attempt.closed') attempt.endedAt = at;
    attempt.paused = entry.type === 'attempt.paused' ? entry.data : null;
    attempt.asks = entry.type === 'turn.asked' ? { model: entry.data.model, since: at } : null;
    if (entry.type !== 'turn.recorded') return;
    attempt.turns = entry.data.turn;
    attempt.action = entry.data.action;
    attempt.model = entry.data.model;
    attempt.usage = addUsage(attempt.usage, entry.data.usage);
  }

  /** From when it is known that a merge is not let out: nobody's next release carries it, also before it is reverted. */
  #holdDenied(before: RunState, run: Run, entry: Entry, at: Instant): void {
    if (before.kind !== 'run' || before.merge?.kind !== 'finished' || before.merge.delivered === 'branch')
      return;
    const { commit } = before.merge;
    // What serves as part of another release is nobody's to hold.
    const serves = run.revert?.kind === 'finished' && run.revert.ref.startsWith('rel_');
    if (entry.type === 'run.resumed' || serves) {
      this.quarantines.release(run.repo, commit);
      return;
    }
    const gate = run.gates.findLast((one) => one.action === 'deploy' && one.ended !== 'voided');
    const ends = gate?.decision === 'deny' || run.stopAsked !== null || run.revert !== null;
    if (run.deploys && run.deploy === null && run.release !== null && ends && run.closed === null)
      this.quarantines.hold(run.repo, commit, run.release.release, at);
  }

  #foldRun(id: RunId, envelope: RecordedEntry['envelope'], entry: NonNullable<RecordedEntry['entry']>): void {
    const info: RunInfo = this.runs.get(id) ?? {
      id,
      state: initialState(),
      version: 0,
      openedAt: envelope.at,
      closedAt: null,
      position: 0,
      place: null,
      parkedAt: null,
      approvals: [],
      policies: {},
      gatesAt: {},
      allows: [],
    };
    const before = info.state;
    info.state = evolve(info.state, entry);
    info.version = envelope.version;
    info.position = envelope.position;
    this.runs.set(id, info);
    if (entry.type === 'stage.closed') {
      const attempt = this.attempts.get(entry.data.attempt);
      if (attempt) attempt.usage = entry.data.usage;
    }
    if (entry.type === 'run.closed') info.closedAt = envelope.at;
    if (entry.type === 'run.resumed') info.closedAt = null;
    if (entry.type === 'run.parked') info.parkedAt = envelope.position;
    const queued = info.state.kind === 'run' && info.state.queue !== null;
    info.place = queued ? (info.place ?? envelope.position) : null;
    if (entry.type.startsWith('gate.') && 'gate' in entry.data) info.gatesAt[entry.data.gate] = envelope.at;
    if (entry.type === 'gate.approved')
      info.approvals.push({
        gate: entry.data.gate,
        person: entry.data.person,
        reason: entry.data.reason,
        at: envelope.at,
      });
    if (entry.type === 'gate.decided')
      info.policies[entry.data.gate] = {
        policies: entry.data.policies,
        facts: entry.data.facts,
        reason: entry.data.reason,
      };
    if (info.state.kind !== 'run') return;
    this.#holdDenied(before, info.state, entry, envelope.at);
    if (entry.type === 'gate.decided' && entry.data.decision === 'allow') {
      const { gate, policies } = entry.data;
      const action = info.state.gates.find((one) => one.gate === gate)?.action;
      if (action) info.allows.push({ gate, action, policies, position: envelope.position });
    }
    if (entry.type === 'release.built')
      this.releases.set(entry.data.release, {
        id: entry.data.release,
        run: id,
        repo: info.state.repo,
        artifact: entry.data.artifact,
        builtAt: envelope.at,
        provenance: null,
        result: null,
      });
    if (entry.type === 'release.attested') {
      const release = this.releases.get(entry.data.release);
      if (release) release.provenance = entry.data.attestation;
    }
    if (entry.type === 'release.rehearsed' && info.state.deploy?.kind === 'finished') {
      const release = this.releases.get(entry.data.release);
      if (release) release.result = info.state.deploy.result;
    }
    if (entry.type === 'deploy.finished') {
      const release = this.releases.get(entry.data.release);
      if (release) release.result = entry.data.result;
      if (entry.data.result === 'promoted') this.#earn(id, recordServed);
    }
  }
}
