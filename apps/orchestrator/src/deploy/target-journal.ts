import type { OpenTrail } from '@millwright/audit';
import {
  type Digest,
  type Entry,
  type ReleaseId,
  type RepoName,
  retryable,
  streamOf,
  terminal,
} from '@millwright/domain';
import type { EffectRecord, Journal, Judged } from '@millwright/rollback';
import { ORCHESTRATOR } from '../actor.ts';

/** Appends to a target's stream. Used under the repository's deploy lane: a conflict means another orchestrator, whose fence decides. */
export class TargetJournal implements Journal {
  readonly #trail: OpenTrail;
  readonly #repo: RepoName;
  #version: number | null = null;

  constructor(trail: OpenTrail, repo: RepoName) {
    this.#trail = trail;
    this.#repo = repo;
  }

  async started({ key, effect, release, fence }: EffectRecord): Promise<void> {
    await this.append({ type: 'target.effect-started', data: { key, effect, release, fence } });
  }

  async finished(
    { key, effect, release }: EffectRecord,
    result: 'done' | 'failed' | 'unknown',
    reason: string,
  ): Promise<void> {
    await this.append({
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
    const last = (await this.#trail.read(streamOf.target(this.#repo)))
      .flatMap(({ entry }) => (entry?.type === 'target.released' ? [entry.data] : []))
      .at(-1);
    if (last?.release === release && last.fence === fence) return;
    await this.append({
      type: 'target.released',
      data: { release, previous, fence, by, artifact, reason: reason.slice(0, 4_000) },
    });
  }

  async append(entry: Entry): Promise<number> {
    const stream = streamOf.target(this.#repo);
    for (let tries = 0; tries < 5; tries += 1) {
      this.#version ??= (await this.#trail.read(stream)).at(-1)?.envelope.version ?? 0;
      const appended = await this.#trail.append({
        stream,
        expectedVersion: this.#version,
        actor: ORCHESTRATOR,
        entries: [entry],
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
