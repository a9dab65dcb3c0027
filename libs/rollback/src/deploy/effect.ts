import type { PersonId, ReleaseId } from '@millwright/domain';
import { messageOf } from '../message-of.ts';
import { Fenced } from '../targets/target.ts';

// Going back is a type: an effect says how it is undone, or it does not compile. Undo is journaled like do.
//   E1  Nothing happens before `journal.started` has returned, and nothing follows before `journal.finished` has.
//   E2  Undo runs in reverse order of the effects that were started, finished or not.
//   E3  Undo never waits for the journal to be well: it goes on after 100 ms, and a failure is collected, not thrown.
//   E4  Effects that share an undo (`undoKey`) are undone once, at the place of the last of them.

type Common<R> = {
  /** `start`, `shift`, `stop`, `materialise`, `proxy`, `retire`. */
  readonly name: string;
  /** Idempotency key: the same for the same act, however often it is tried. */
  readonly key: string;
  run(): Promise<R>;
};

/** Undone completely: afterwards nobody can tell. */
export type Reversible<R> = Common<R> & {
  readonly undo: 'reversible';
  readonly undoKey?: string;
  /** Null: leaving it disturbs nobody, and there is nothing to undo. */
  readonly reverse: (() => Promise<void>) | null;
};
/** Made good by another act, which may be seen from outside. */
type Compensable<R> = Common<R> & {
  readonly undo: 'compensable';
  readonly undoKey?: string;
  readonly compensate: (() => Promise<void>) | null;
};
/** Cannot be undone: two people approved exactly this. */
type Irreversible<R> = Common<R> & {
  readonly undo: 'irreversible';
  readonly approvedBy: readonly [PersonId, PersonId];
};
export type Effect<R> = Reversible<R> | Compensable<R> | Irreversible<R>;

export type EffectRecord = {
  readonly key: string;
  readonly effect: string;
  readonly undo: Effect<unknown>['undo'];
  readonly release: ReleaseId;
  readonly fence: number;
};

/** Maps to the entries `target.effect-started` and `target.effect-finished`. A key may be started again after a crash. */
export interface Journal {
  started(effect: EffectRecord): Promise<void>;
  finished(effect: EffectRecord, result: 'done' | 'failed' | 'unknown', reason: string): Promise<void>;
}

type Context = {
  readonly release: ReleaseId;
  readonly fence: number;
  readonly journal: Journal;
  /** Throws `Fenced` when the target was taken by a higher fence. */
  check(): Promise<void>;
};

const NOTE_MS = 100;
const LATE_MS = 5_000;
/** False, after so long. Wall time: undo must not wait for a clock that somebody holds. */
const after = (ms: number) => new Promise<false>((resolve) => setTimeout(resolve, ms, false).unref());

const failed = (value: unknown): value is { kind: 'failed'; reason: string } =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'failed';

export class Effects {
  readonly #context: Context;
  readonly #done: Effect<unknown>[] = [];
  /** The last entry of `run`: effects may run side by side, what is journaled of them comes one after the other. */
  #journaled: Promise<unknown> = Promise.resolve();
  /** Undo's journal entries that were still being written when it went on. */
  readonly #late: Promise<void>[] = [];
  /** What undo could not journal or do; for the outcome's evidence. */
  readonly troubles: string[] = [];

  constructor(context: Context) {
    this.#context = context;
  }

  /** Runs one effect between its two journal entries. A `{ kind: 'failed' }` is returned, a throw is journaled and thrown on. */
  async run<R>(effect: Effect<R>): Promise<R> {
    const record = this.#record(effect.key, effect.name, effect.undo);
    await this.#context.check();
    await this.#journal((journal) => journal.started(record));
    this.#done.push(effect);
    let result: R;
    try {
      result = await effect.run();
    } catch (error) {
      await this.#journal((journal) => journal.finished(record, 'unknown', messageOf(error).slice(0, 2_000)));
      throw error;
    }
    const [how, why] = failed(result)
      ? (['failed', result.reason.slice(0, 2_000)] as const)
      : (['done', ''] as const);
    await this.#journal((journal) => journal.finished(record, how, why));
    return result;
  }

  #journal(write: (journal: Journal) => Promise<void>): Promise<void> {
    const written = this.#journaled.then(() => write(this.#context.journal));
    this.#journaled = written.catch(() => undefined);
    return written;
  }

  /** Takes an effect of an earlier, killed run as started, so that `unwind` undoes it. */
  adopt(effect: Effect<unknown>): void {
    this.#done.push(effect);
  }

  /** Undoes everything that was started, last first. Only `Fenced` is thrown. */
  async unwind(): Promise<void> {
    const undone = new Set<string>();
    for (const effect of this.#done.splice(0).reverse()) {
      if (effect.undo === 'irreversible') {
        this.troubles.push(`${effect.name} (${effect.key}) cannot be undone`);
        continue;
      }
      const undo = effect.undo === 'reversible' ? effect.reverse : effect.compensate;
      if (undo === null) continue;
      const key = effect.undoKey ?? `${effect.key}/undo`;
      if (undone.has(key)) continue;
      undone.add(key);
      await this.#context.check();
      await this.#undo(this.#record(key, `undo:${effect.name}`, effect.undo), undo);
    }
    const written = Promise.all(this.#late.splice(0)).then(() => true);
    if (!(await Promise.race([written, after(LATE_MS)])))
      this.troubles.push(`not journaled in ${LATE_MS} ms`);
  }

  /** One act of going back, journaled as undo is: it waits for no journal. False: it failed, and `troubles` says why. Only `Fenced` is thrown. */
  async back(name: string, key: string, undo: () => Promise<void>): Promise<boolean> {
    await this.#context.check();
    const record = this.#record(key, `undo:${name}`, 'reversible');
    let failed = false;
    await this.#undo(record, () =>
      undo().catch((error: unknown) => {
        failed = true;
        throw error;
      }),
    );
    return !failed;
  }

  async #undo(record: EffectRecord, undo: () => Promise<void>): Promise<void> {
    await this.#note(this.#context.journal.started(record));
    try {
      await undo();
      await this.#note(this.#context.journal.finished(record, 'done', ''));
    } catch (error) {
      if (error instanceof Fenced) throw error;
      this.troubles.push(`${record.effect} failed: ${messageOf(error)}`);
      await this.#note(this.#context.journal.finished(record, 'failed', messageOf(error).slice(0, 2_000)));
    }
  }

  /** Waits a moment for a journal entry; one that takes longer goes on beside the undo. */
  async #note(journaled: Promise<void>): Promise<void> {
    const noted = journaled.catch((error: unknown) => {
      this.troubles.push(`not journaled: ${messageOf(error)}`);
    });
    this.#late.push(noted);
    await Promise.race([noted, after(NOTE_MS)]);
  }

  #record(key: string, effect: string, undo: EffectRecord['undo']): EffectRecord {
    return { key, effect, undo, release: this.#context.release, fence: this.#context.fence };
  }
}
