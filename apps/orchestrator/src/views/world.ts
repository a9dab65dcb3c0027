import { Fold, type RecordedEntry, type Trail } from '@millwright/domain';

/**
 * The trail as the API shows it: a projection in memory, begun from the rows of the read model at start and followed from then on. It decides
 * nothing: whoever decides reads the stream. What it holds can be thrown away at any time.
 */
export class World extends Fold {
  position = 0;
  readonly #waiting = new Set<{ position: number; resolve: () => void }>();
  readonly #listeners = new Set<(recorded: RecordedEntry) => void>();
  /** Entries that could not be drawn in, or that somebody who follows could not take: for a person to look at. */
  readonly parked: { position: number; type: string; reason: string }[] = [];

  /** Resolves when everything up to `position` is in, so that a caller reads what it has just written. */
  reached(position: number): Promise<void> {
    if (this.position >= position) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add({ position, resolve }));
  }

  /** Called after each entry; returns the way to stop it. */
  listen(listener: (recorded: RecordedEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins with what the rows of the read model hold, instead of at the first entry. */
  begin({ fold, position }: { fold: Fold; position: number }): void {
    this.become(fold);
    this.position = position;
  }

  /** Built again from the trail: after a redaction, for what this one still holds of the text. */
  async refold(readAll: Trail['readAll']): Promise<void> {
    const fresh = new World();
    while (fresh.position < this.position)
      for (const one of await readAll(fresh.position, Math.min(this.position - fresh.position, 1_000)))
        fresh.apply(one);
    // Nothing was awaited since the two were at one position.
    this.become(fresh);
  }

  apply(recorded: RecordedEntry): void {
    const { envelope } = recorded;
    this.#guarded(recorded, () => {
      this.fold(recorded);
    });
    // Whatever became of it: those who wait for this position, and all entries after it, are not held up by one.
    this.position = envelope.position;
    for (const one of this.#waiting) {
      if (one.position <= this.position) {
        this.#waiting.delete(one);
        one.resolve();
      }
    }
    for (const listener of this.#listeners) this.#guarded(recorded, () => listener(recorded));
  }

  #guarded({ envelope }: RecordedEntry, work: () => void): void {
    try {
      work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.parked.push({ position: envelope.position, type: envelope.type, reason });
    }
  }
}
