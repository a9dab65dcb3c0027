import { Fold, type RecordedEntry } from '@millwright/domain';
import type { Drawn, Hearing, Named, ReadModel } from '@millwright/read-model';

type Parked = { position: number; type: string; reason: string };
type Listener = (recorded: RecordedEntry, about: Fold) => void;

/**
 * What people read, and what moves work on: what is open, kept in memory as the rows of the read model say it, and of what is over whatever is
 * asked for by its id. It decides nothing: whoever decides reads the stream.
 */
export class Views implements Hearing {
  /** What something is still to come of, with every target and repository. Replaced whole where the rows were made anew. */
  open = new Fold();
  position = 0;
  /** Listeners that could not take an entry: for a person to look at. */
  readonly parked: Parked[] = [];
  readonly #rows: Pick<ReadModel, 'add'>;
  readonly #onParked: (parked: Parked) => void;
  readonly #listeners = new Set<Listener>();

  constructor(rows: Pick<ReadModel, 'add'>, onParked: (parked: Parked) => void) {
    this.#rows = rows;
    this.#onParked = onParked;
  }

  /** What is open, and of what is over what is named. */
  async with(named: Named): Promise<Fold> {
    const fold = new Fold();
    fold.become(this.open);
    fold.effects.dead = this.open.effects.dead;
    await this.#rows.add(fold, named);
    return fold;
  }

  /** Called for each entry once it can be read of, with what is so of all that it concerns; returns the way to stop it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  begin(open: Fold, position: number): void {
    open.effects.dead = this.open.effects.dead;
    this.open = open;
    this.position = position;
  }

  drawn({ entries, position, about }: Drawn): void {
    about.into(this.open);
    this.position = position;
    for (const recorded of entries)
      for (const listener of this.#listeners) this.#tell(listener, recorded, about.fold);
  }

  /** Whatever becomes of one listener, the others, and all entries after this one, are heard. */
  #tell(listener: Listener, recorded: RecordedEntry, about: Fold): void {
    try {
      listener(recorded, about);
    } catch (error) {
      const { position, type } = recorded.envelope;
      const parked = { position, type, reason: error instanceof Error ? error.message : String(error) };
      this.parked.push(parked);
      this.#onParked(parked);
    }
  }
}
