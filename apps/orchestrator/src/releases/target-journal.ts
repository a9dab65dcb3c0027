import type { OpenTrail } from '@millwright/audit';
import {
  type Actor,
  type Digest,
  type Entry,
  type Instant,
  type ReleaseId,
  type RepoName,
  retryable,
  streamOf,
  terminal,
} from '@millwright/domain';
import type { EffectRecord, Journal, Judged } from '@millwright/rollback';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { OfflineJournal } from './offline-journal.ts';

/** Going back waits so long for the trail; then it is journaled offline. Milliseconds. */
const TRAIL_MS = 100;

/** What may be given up before the trail has answered. */
type Late = { readonly at: Instant; givenUp: boolean };

/** Which effects are going back: those proceed with the trail unwritable. */
const UNDOES = (effect: string): boolean => effect.startsWith('undo:');
export const SHIFTS = (effect: string): boolean => effect.startsWith('shift/');

/** Appends to a target's stream. Used under the repository's deploy lane: a conflict means another orchestrator, whose fence decides. */
export class TargetJournal implements Journal {
  readonly #trail: OpenTrail;
  readonly #repo: RepoName;
  readonly #offlineJournal: OfflineJournal;
  readonly #goesBack: (effect: string) => boolean;
  #version: number | null;

  /** `version`: the stream's, as far as is known; the stream is only read where that is not it. */
  constructor(
    trail: OpenTrail,
    repo: RepoName,
    offlineJournal: OfflineJournal,
    version: number,
    goesBack = UNDOES,
  ) {
    this.#version = version;
    this.#trail = trail;
    this.#repo = repo;
    this.#offlineJournal = offlineJournal;
    this.#goesBack = goesBack;
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

  /** Records which release serves; once a fence. */
  async released(
    release: ReleaseId,
    previous: ReleaseId | null,
    fence: number,
    by: 'deploy' | 'rollback',
    artifact: Digest | null,
    reason: string,
  ): Promise<void> {
    const entry: Entry = {
      type: 'target.released',
      data: { release, previous, fence, by, artifact, reason: reason.slice(0, 4_000) },
    };
    const once = async (more?: Late) => {
      const last = (await this.#trail.read(streamOf.target(this.#repo)))
        .flatMap((one) => (one.entry?.type === 'target.released' ? [one.entry.data] : []))
        .at(-1);
      if (last?.release !== release || last.fence !== fence) await this.append(entry, ORCHESTRATOR, more);
    };
    if (by === 'deploy') await once();
    else await this.#orOffline(entry, once);
  }

  /** For what must be kept even while the trail cannot be written: beside it then. Rejects only when neither takes it. */
  async note(entry: Entry, actor: Actor = ORCHESTRATOR): Promise<void> {
    await this.#orOffline(entry, (late) => this.append(entry, actor, late));
  }

  async #journal(effect: string, entry: Entry): Promise<void> {
    if (this.#goesBack(effect)) await this.note(entry);
    else await this.append(entry);
  }

  /**
   * An append that is under way when it is given up may still land on the trail, where the import knows it by its time; another is not begun.
   */
  async #orOffline(entry: Entry, write: (late: Late) => Promise<unknown>): Promise<void> {
    const late: Late = { at: this.#offlineJournal.stamp(), givenUp: false };
    const on = write(late).then(
      () => true,
      () => false,
    );
    const slow = new Promise<false>((resolve) => setTimeout(resolve, TRAIL_MS, false).unref());
    if (await Promise.race([on, slow])) return;
    late.givenUp = true;
    this.#offlineJournal.write(this.#repo, entry, late.at);
  }

  async append(entry: Entry, actor: Actor = ORCHESTRATOR, late?: Late): Promise<number> {
    const stream = streamOf.target(this.#repo);
    // What going back did while the trail was away comes before anything that follows from it.
    if (this.#offlineJournal.pending(this.#repo)) {
      await this.#offlineJournal.importTo(this.#trail);
      this.#version = null;
    }
    for (let tries = 0; tries < 5; tries += 1) {
      this.#version ??= (await this.#trail.read(stream)).at(-1)?.envelope.version ?? 0;
      if (late?.givenUp) throw retryable('trail-slow', 'it was journaled beside the trail');
      const appended = await this.#trail.append({
        stream,
        expectedVersion: this.#version,
        actor,
        entries: [entry],
        ...(late === undefined ? {} : { at: late.at }),
      });
      if (appended.kind === 'refused') throw terminal('trail-refused', appended.reason);
      if (appended.kind === 'appended') {
        this.#version = appended.version;
        return appended.position;
      }
      this.#version = null;
    }
    throw retryable('busy', `the stream of target ${this.#repo} is being written to`);
  }
}
