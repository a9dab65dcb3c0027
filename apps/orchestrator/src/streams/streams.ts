import { type Appended, appendWith, type Known, readStream, type Say } from '@millwright/audit';
import {
  type Actor,
  type Clock,
  type DecidedStream,
  Entry,
  type FactoryEntry,
  type FactoryState,
  factoryStream,
  type Instant,
  mapFreeText,
  maskFreeText,
  type PersonEntry,
  type PersonId,
  type PersonState,
  personStream,
  type RepoName,
  type RepositoryEntry,
  type RepositoryState,
  repositoryStream,
  type StreamId,
  type TargetEntry,
  type TargetState,
  type Trail,
  targetStream,
  type UnitEntry,
  type UnitName,
  type UnitState,
  unitStream,
} from '@millwright/domain';

type Ports = {
  trail: Pick<Trail, 'append' | 'read'>;
  clock: Pick<Clock, 'now'>;
  /** Masks what the factory knows as secret. With the last values that were read: an append waits for no other read. */
  mask: (text: string) => string;
  /** Resolves when the views have what is at this position, or that takes too long to wait for: nothing is decided on them. */
  shown: (position: number) => Promise<void>;
};

/** A stream that is folded as it grows: each look reads only what is new. One look at a time. */
class Folded<S, E extends Entry> {
  readonly #trail: Pick<Trail, 'read'>;
  readonly stream: DecidedStream<S, E>;
  #tail: Promise<unknown> = Promise.resolve();
  known: Known<S>;

  constructor(trail: Pick<Trail, 'read'>, stream: DecidedStream<S, E>) {
    this.#trail = trail;
    this.stream = stream;
    this.known = { state: stream.decider.initialState(), version: 0 };
  }

  /** With everything that is on the stream by now. */
  look(): Promise<S> {
    const mine = this.#tail.then(async () => {
      this.takeOver(await readStream(this.#trail, this.stream, this.known));
      return this.known.state;
    });
    // A look that fails is its caller's; the next one begins where the last good one ended.
    this.#tail = mine.catch(() => undefined);
    return mine;
  }

  /** What whoever appends has read, or made. */
  takeOver(known: Known<S>): void {
    if (known.version > this.known.version) this.known = known;
  }
}

/** The streams of the trail, and the only way onto them. */
export class Streams {
  readonly #ports: Ports;
  /** Streams that are long, or asked all the time. */
  readonly #kept = new Map<StreamId, Folded<unknown, never>>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Decides what is said on the stream as it is, and appends it. Does not wait for the views. */
  async append<S, E extends Entry>(
    stream: DecidedStream<S, E>,
    actor: Actor,
    say: Say<S, E>,
    options: { known?: Known<S>; at?: Instant } = {},
  ): Promise<Appended<S>> {
    const one = this.#kept.get(stream.id);
    const kept = one?.stream.decider === stream.decider ? (one as Folded<S, E>) : undefined;
    const known = options.known ?? kept?.known;
    const done = await appendWith(this.#ports, stream, actor, (now) => this.#masked(say(now)), {
      ...options,
      ...(known === undefined ? {} : { known }),
    });
    if (done.kind !== 'rejected') kept?.takeOver(done.known);
    return done;
  }

  /** As `append`, and resolves once the views have it. */
  async appendShown<S, E extends Entry>(
    stream: DecidedStream<S, E>,
    actor: Actor,
    say: Say<S, E>,
  ): Promise<Appended<S>> {
    const done = await this.append(stream, actor, say);
    if (done.kind === 'appended') await this.shown(done.position);
    return done;
  }

  /** Resolves once the views have what is at this position, or that takes too long. */
  shown(position: number): Promise<void> {
    return this.#ports.shown(position);
  }

  /** A stream as it is now. */
  read<S, E extends Entry>(stream: DecidedStream<S, E>): Promise<Known<S>> {
    return readStream(this.#ports.trail, stream);
  }

  factory(): Folded<FactoryState, FactoryEntry> {
    return this.#keep(factoryStream());
  }

  repository(name: RepoName): Folded<RepositoryState, RepositoryEntry> {
    return this.#keep(repositoryStream(name));
  }

  target(repo: RepoName): Folded<TargetState, TargetEntry> {
    return this.#keep(targetStream(repo));
  }

  unit(name: UnitName): Folded<UnitState, UnitEntry> {
    return this.#keep(unitStream(name));
  }

  person(id: PersonId): Folded<PersonState, PersonEntry> {
    return this.#keep(personStream(id));
  }

  /** After a redaction: what is kept is read anew, so that nothing of the words that were in it is left. */
  async forget(): Promise<void> {
    const fresh = [...this.#kept.values()].map(({ stream }) => new Folded(this.#ports.trail, stream));
    await Promise.all(fresh.map((one) => one.look()));
    for (const one of fresh) this.#kept.set(one.stream.id, one);
  }

  #keep<S, E extends Entry>(stream: DecidedStream<S, E>): Folded<S, E> {
    const known = this.#kept.get(stream.id) as Folded<S, E> | undefined;
    if (known !== undefined) return known;
    const fresh = new Folded(this.#ports.trail, stream);
    this.#kept.set(stream.id, fresh);
    return fresh;
  }

  /** As the trail keeps it: what is made of it here shows no more than what is read there. */
  #masked<E extends Entry>(said: ReturnType<Say<unknown, E>>): ReturnType<Say<unknown, E>> {
    if (said === null || 'kind' in said) return said;
    const mask = (entry: E): E => maskFreeText(Entry, mapFreeText(Entry, entry, this.#ports.mask));
    return 'type' in said ? mask(said) : said.map(mask);
  }
}
