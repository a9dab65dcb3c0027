import {
  type Actor,
  type Digest,
  type Instant,
  type ReleaseId,
  type RepoName,
  retryable,
  type TargetEntry,
  targetStream,
} from '@millwright/domain';
import type { EffectRecord, Journal, Judged } from '@millwright/rollback';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { Streams } from '../streams/streams.ts';
import type { OfflineJournal } from './offline-journal.ts';

/** The target's stream decides that it is not recorded. */
export class NotRecorded extends Error {}

/** Going back waits so long for the trail; then it is journaled offline. Milliseconds. */
const TRAIL_MS = 100;

/** What may be given up before the trail has answered. */
type Late = { readonly at: Instant; givenUp: boolean };

/** Which effects are going back: those proceed with the trail unwritable. */
const UNDOES = (effect: string): boolean => effect.startsWith('undo:');
export const SHIFTS = (effect: string): boolean => effect.startsWith('shift/');

/** Appends to a target's stream. Used under the repository's deploy lease: who appends in between is another orchestrator, whose fence decides. */
export class TargetJournal implements Journal {
  readonly #streams: Streams;
  readonly #repo: RepoName;
  readonly #offlineJournal: OfflineJournal;
  readonly #goesBack: (effect: string) => boolean;
  readonly #confirm: () => Promise<void>;

  constructor(
    streams: Streams,
    repo: RepoName,
    offlineJournal: OfflineJournal,
    confirm: () => Promise<void>,
    goesBack = UNDOES,
  ) {
    this.#streams = streams;
    this.#repo = repo;
    this.#offlineJournal = offlineJournal;
    this.#goesBack = goesBack;
    this.#confirm = confirm;
  }

  async started({ key, effect, release, fence }: EffectRecord): Promise<void> {
    await this.#journal(effect, { type: 'target.effect-started', data: { key, effect, release, fence } });
  }

  async finished(
    { key, effect, release }: EffectRecord,
    result: 'done' | 'failed' | 'unknown',
    reason: string,
  ): Promise<void> {
    await this.#journal(effect, {
      type: 'target.effect-finished',
      data: { key, effect, release, result, reason: reason.slice(0, 4_000) },
    });
  }

  async judged(release: ReleaseId, fence: number, judged: Judged): Promise<void> {
    const { percent, verdict, until, needs, reason } = judged;
    await this.append({
      type: 'target.judged',
      data: {
        release,
        fence,
        percent,
        verdict,
        until,
        needs: needs?.slice(0, 4_000) ?? null,
        reason: reason.slice(0, 4_000),
      },
    });
  }

  /** Records which release serves. */
  async released(
    release: ReleaseId,
    previous: ReleaseId | null,
    fence: number,
    by: 'deploy' | 'rollback',
    artifact: Digest | null,
    reason: string,
  ): Promise<void> {
    const entry: TargetEntry = {
      type: 'target.released',
      data: { release, previous, fence, by, artifact, reason: reason.slice(0, 4_000) },
    };
    if (by === 'deploy') await this.append(entry);
    else await this.note(entry);
  }

  /** For what must be kept even while the trail cannot be written: beside it then. Rejects only when neither takes it. */
  async note(entry: TargetEntry, actor: Actor = ORCHESTRATOR): Promise<void> {
    await this.#orOffline(entry, (late) => this.append(entry, actor, late));
  }

  async #journal(effect: string, entry: TargetEntry): Promise<void> {
    if (this.#goesBack(effect)) return this.note(entry);
    if (entry.type === 'target.effect-started') await this.#confirm();
    await this.append(entry);
  }

  /**
   * An append that is under way when it is given up may still land on the trail, where the import knows it by its time; another is not begun.
   */
  async #orOffline(entry: TargetEntry, write: (late: Late) => Promise<unknown>): Promise<void> {
    const late: Late = { at: this.#offlineJournal.stamp(), givenUp: false };
    const on = write(late).then(
      () => true,
      (error: unknown) => {
        if (error instanceof NotRecorded) throw error;
        return false;
      },
    );
    const slow = new Promise<false>((resolve) => setTimeout(resolve, TRAIL_MS, false).unref());
    if (await Promise.race([on, slow])) return;
    late.givenUp = true;
    this.#offlineJournal.write(this.#repo, entry, late.at);
  }

  /** Resolves with its position; null where the stream says it already. */
  async append(entry: TargetEntry, actor: Actor = ORCHESTRATOR, late?: Late): Promise<number | null> {
    // What going back did while the trail was away comes before anything that follows from it.
    if (this.#offlineJournal.pending(this.#repo)) await this.#offlineJournal.importTo(this.#streams);
    const done = await this.#streams.append(
      targetStream(this.#repo),
      actor,
      () => {
        if (late?.givenUp) throw retryable('trail-slow', 'it was journaled beside the trail');
        return entry;
      },
      late === undefined ? {} : { at: late.at },
    );
    if (done.kind === 'rejected') throw new NotRecorded(done.reason);
    return done.kind === 'appended' ? done.position : null;
  }
}
