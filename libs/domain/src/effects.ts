import type { Entry } from './entries/index.ts';
import type { Envelope } from './envelope.ts';
import type { Instant, ReleaseId, StreamId } from './ids.ts';

// Every effect on the outside lies between two entries: its intent before anything happens, its outcome after. An intent without an
// outcome is under way while its owner lives, and *attempted, outcome unknown* once that one is gone: reconciliation then looks at the
// outside and appends the outcome. Nothing is ever left to silence.

type EffectKind = 'merge' | 'deploy' | 'revert' | 'target' | 'attempt' | 'model';

/** `key` names the effect for good: the same for its intent, for another try after a crash, and for its outcome. */
type EffectEnd = { end: 'intent' | 'outcome'; kind: EffectKind; key: string };

/** Which end of which effect an entry is; null for an entry that is a decision or says something. */
function effectEnd(stream: StreamId, entry: Entry): EffectEnd | null {
  const of = (end: EffectEnd['end'], kind: EffectKind, key: string = kind): EffectEnd => ({
    end,
    kind,
    key: `${stream}/${key}`,
  });
  switch (entry.type) {
    case 'merge.started':
      return of('intent', 'merge');
    case 'merge.finished':
    case 'merge.refused':
    case 'base.moved':
      return of('outcome', 'merge');
    case 'deploy.started':
      return of('intent', 'deploy');
    case 'deploy.finished':
      return of('outcome', 'deploy');
    case 'undo.started':
      return of('intent', 'deploy', 'undo');
    case 'undo.finished':
      return of('outcome', 'deploy', 'undo');
    case 'revert.started':
      return of('intent', 'revert');
    case 'revert.finished':
      return of('outcome', 'revert');
    case 'target.effect-started':
      return of('intent', 'target', entry.data.key);
    case 'target.effect-finished':
      return of('outcome', 'target', entry.data.key);
    case 'target.reconciled':
      return of('outcome', 'target', entry.data.key);
    case 'target.revert-started':
      return of('intent', 'revert', `target-revert/${entry.data.release}`);
    case 'target.revert-finished':
      return of('outcome', 'revert', `target-revert/${entry.data.release}`);
    case 'attempt.opened':
      return of('intent', 'attempt');
    case 'attempt.closed':
      return of('outcome', 'attempt');
    case 'turn.asked':
      return of('intent', 'model');
    case 'turn.recorded':
    case 'turn.lost':
      return of('outcome', 'model');
    default:
      return null;
  }
}

/** Where an effect stands. `unknown`: attempted, and whoever attempted it is gone. */
export type EffectState = 'under_way' | 'unknown' | 'known';

/** An intent whose outcome is not on the trail. */
export type OpenEffect = {
  key: string;
  kind: EffectKind;
  stream: StreamId;
  position: number;
  at: Instant;
  /** Of an effect on a target. */
  release: ReleaseId | null;
};

/** The effects without an outcome, folded from the trail in order. */
export class OpenEffects {
  readonly #open = new Map<string, OpenEffect>();
  /** Streams of attempts whose runner is gone, as whoever looks at claims has it. */
  dead: ReadonlySet<string> = new Set();
  /** The last start of an orchestrator: what was under way in an earlier one is under way no more. */
  #started = 0;

  get started(): number {
    return this.#started;
  }

  /** As `list` and `started` told it. */
  restore(open: readonly OpenEffect[], started: number): void {
    this.#open.clear();
    for (const one of open) this.#open.set(one.key, one);
    this.#started = started;
  }

  apply({ stream, position, at }: Pick<Envelope, 'stream' | 'position' | 'at'>, entry: Entry): void {
    if (entry.type === 'factory.started') this.#started = position;
    const end = effectEnd(stream, entry);
    if (end?.end === 'intent') {
      const release = 'release' in entry.data ? entry.data.release : null;
      this.#open.set(end.key, { key: end.key, kind: end.kind, stream, position, at, release });
    }
    if (end?.end === 'outcome') this.#open.delete(end.key);
    // An attempt that is closed asks no model any more: how it ended is how its last call ended.
    if (entry.type === 'attempt.closed') this.#open.delete(`${stream}/model`);
  }

  /** All of them, oldest first. */
  list(): OpenEffect[] {
    return [...this.#open.values()];
  }

  /** Of the effect whose intent is this entry; `known` where its outcome, or a later try, is on the trail. */
  stateOf(stream: StreamId, position: number, entry: Entry): EffectState {
    const end = effectEnd(stream, entry);
    const open = end === null ? undefined : this.#open.get(end.key);
    if (open === undefined || open.position !== position) return 'known';
    return this.isUnknown(open) ? 'unknown' : 'under_way';
  }

  /** An attempt, with its calls of models, is a runner's: its claim says whether that one lives. All others are the orchestrator's. */
  isUnknown({ kind, stream, position }: OpenEffect): boolean {
    return kind === 'attempt' || kind === 'model' ? this.dead.has(stream) : position < this.#started;
  }
}
