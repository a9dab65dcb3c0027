import type { OpenTrail } from '@millwright/audit';
import {
  type EntryType,
  Fold,
  type Quarantined,
  type Queued,
  type RecordedEntry,
  type ReleaseId,
  type ReleaseInfo,
  type RepoInfo,
  type RepoName,
  type Run,
  type RunId,
  type RunInfo,
  streamOf,
  type TicketKind,
} from '@millwright/domain';

// What whoever decides has to know of other streams than its own: which runs a repository has, which release is of which run, who stands in the
// merge queue, what is in quarantine. Folded from the streams themselves, never from rows that were made for reading. Invariants:
//
//  1. `look` has everything that was on the trail when it was called.
//  2. An entry that cannot be read or folded fails every look: nothing is decided without it.
//  3. A run that is not closed was folded from its whole stream.

/** What of a run that is over counts for others; and what there is of repositories and targets besides. */
const COUNTS: readonly EntryType[] = [
  'ticket.filed',
  'run.opened',
  'merge.finished',
  'release.built',
  'deploy.finished',
  'revert.finished',
  'run.resumed',
  'run.closed',
  'repo.added',
  'repo.step-set',
  'autonomy.dropped',
  'autonomy.raise-proposed',
  'quarantine.lifted',
  'target.released',
  'undo.finished',
];
/** What says whether a run is over. */
const ENDS: readonly EntryType[] = ['merge.finished', 'run.resumed', 'run.closed'];
/** Streams of which nothing counts for a decision about another. */
const ALONE = /^(?:attempt|person|factory)(?:\/|$)/;
const BATCH = 2_000;

/** What is known of any run, also of one that is over. */
export type RunBrief = Pick<
  Run,
  | 'id'
  | 'repo'
  | 'ticket'
  | 'ticketDigest'
  | 'author'
  | 'config'
  | 'merge'
  | 'release'
  | 'deploy'
  | 'revert'
  | 'closed'
>;
export type ReleaseBrief = Pick<ReleaseInfo, 'id' | 'run' | 'repo' | 'artifact' | 'builtAt'>;

/** What the streams of a factory's repositories say together. It grows while it is held: never older than the look that gave it. */
export class Registered {
  readonly #fold: Fold;

  constructor(fold: Fold) {
    this.#fold = fold;
  }

  repositories(): RepoName[] {
    return [...this.#fold.repos.keys()];
  }

  /** With what its kinds of change have earned since they fell. */
  repository(name: RepoName): RepoInfo | undefined {
    return this.#fold.repo(name);
  }

  run(id: RunId): RunBrief | undefined {
    return this.#fold.run(id);
  }

  /** All that there ever were. */
  runs(repo: RepoName): RunBrief[] {
    return this.#runs(repo).map(([run]) => run);
  }

  /** Those that are not closed, whole. */
  open(repo: RepoName): Run[] {
    return this.#runs(repo).flatMap(([run, { closedAt }]) => (closedAt === null ? [run] : []));
  }

  release(id: ReleaseId): ReleaseBrief | undefined {
    return this.#fold.releases.get(id);
  }

  runOf(release: ReleaseId): RunBrief | undefined {
    const info = this.release(release);
    return info && this.run(info.run);
  }

  kindOf(run: RunBrief): TicketKind | undefined {
    return this.#fold.tickets.get(run.ticket)?.kind;
  }

  /** The runs that have a place in the repository's merge queue. */
  queue(repo: RepoName): Queued[] {
    return this.#fold.queue(repo);
  }

  /** What of this repository does not ship again as it is. */
  quarantine(repo: RepoName): Quarantined[] {
    return this.#fold.quarantine(repo);
  }

  #runs(repo: RepoName): [Run, RunInfo][] {
    return [...this.#fold.runs.values()].flatMap((info): [Run, RunInfo][] =>
      info.state.kind === 'run' && info.state.repo === repo ? [[info.state, info]] : [],
    );
  }
}

type At = {
  fold: Fold;
  position: number;
  /** Runs that are over and of which only what counts for others was read. */
  brief: Set<RunId>;
};

/** How long the trail may take to answer before what was read of it last is used, by who goes back. Milliseconds. */
const TRAIL_MS = 250;

/** Going back needs nothing newer than what was read last. */
export function orLast<T>(now: Promise<T>, last: () => T): Promise<T> {
  const late = new Promise<T>((resolve) => setTimeout(() => resolve(last()), TRAIL_MS).unref());
  return Promise.race([now.catch(last), late]);
}

export class Register {
  readonly #trail: Pick<OpenTrail, 'head' | 'named' | 'read' | 'readAll' | 'select'>;
  #at: At | null = null;
  /** As of the last look that succeeded. */
  known = new Registered(new Fold());
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<Registered> | null = null;
  /** How often. */
  #forgotten = 0;

  constructor(trail: Pick<OpenTrail, 'head' | 'named' | 'read' | 'readAll' | 'select'>) {
    this.#trail = trail;
  }

  /** With everything that is on the trail by now. The first one reads what counts of the whole trail. Rejects as the trail does. */
  look(): Promise<Registered> {
    // Whoever comes while one waits to begin shares it: it reads from when it begins.
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      const mine = this.#advance();
      this.#running = mine.catch(() => undefined); // whoever asked is told
      return mine;
    });
    return this.#next;
  }

  /** For going back, which waits for no trail: as `look`, or what was read last, where that takes too long or fails. */
  lookOrLast(): Promise<Registered> {
    return orLast(this.look(), () => this.known);
  }

  /** After a redaction: reads all of it anew, so that nothing of the words that were in it is left. */
  async forget(): Promise<void> {
    this.#at = null;
    this.#forgotten += 1;
    await this.look();
  }

  async #advance(): Promise<Registered> {
    const forgotten = this.#forgotten;
    const at = this.#at ?? (await this.#begin());
    for (;;) {
      const batch = await this.#trail.readAll(at.position, BATCH);
      // Half folded, it would be no ground for anything: the next look begins anew.
      this.#at = null;
      for (const one of batch) await this.#take(at, one);
      if (this.#forgotten !== forgotten) return this.#advance();
      this.#at = at;
      if (batch.length < BATCH) break;
    }
    this.known = new Registered(at.fold);
    return this.known;
  }

  /** What counts of runs that are over, and the whole streams of those that are not, or whose merge did not come to serve. */
  async #begin(): Promise<At> {
    const upTo = await this.#trail.head();
    const ids = (await this.#trail.named('run')) as RunId[];
    const merged = new Set<RunId>();
    const over = new Set<RunId>();
    for await (const batch of this.#trail.select({ types: ENDS, upTo }))
      for (const { envelope, entry } of batch) {
        const id = envelope.stream.slice('run/'.length) as RunId;
        if (entry.type === 'merge.finished') merged.add(id);
        // One that is done is over for good; of one that never merged nothing can ship.
        if (entry.type === 'run.closed' && (entry.data.end === 'done' || !merged.has(id))) over.add(id);
        else over.delete(id);
      }
    const whole = ids.filter((id) => !over.has(id)).map((id) => streamOf.run(id));
    const fold = new Fold();
    for await (const batch of this.#trail.select({ types: COUNTS, streams: whole, upTo }))
      for (const one of batch) fold.fold(one);
    return { fold, position: upTo, brief: over };
  }

  async #take(at: At, one: RecordedEntry): Promise<void> {
    const { stream, position } = one.envelope;
    if (one.entry.type === 'run.resumed') {
      const id = stream.slice('run/'.length) as RunId;
      if (at.brief.delete(id)) {
        at.fold.runs.delete(id);
        for (const before of await this.#trail.read(stream))
          if (before.envelope.position < position) at.fold.fold(before);
      }
    }
    if (!ALONE.test(stream)) at.fold.fold(one);
    at.position = position;
  }
}
