// The streams of runs, entry by entry in the order of the trail: does each reach what its run's closing entry lists?

export type RunsVerdict = {
  /** Runs that began in the range and whose closing entry is in it. */
  closed: number;
  /** Runs without a closing entry. */
  open: number;
  /** Closed runs that began before the range: what they lack in it cannot be known. */
  earlier: number;
};

type Missing = { stream: string; version: number; after: number; reason: string };

export class Runs {
  readonly #whole: boolean;
  /** By stream of a run or an attempt that is not closed: where it has come to, and whether its first entry was seen. */
  readonly #reached = new Map<string, { version: number; position: number; begun: boolean }>();
  /** The streams that closing entries listed, and where they ended: a person may let a closed run go on. */
  readonly #ended = new Map<string, { version: number; begun: boolean }>();
  #missing: Missing | null = null;
  #closed = 0;
  #earlier = 0;

  /** `whole`: from the first entry of the trail on. */
  constructor(whole: boolean) {
    this.#whole = whole;
  }

  /** The first version that is missing, where one is. */
  get missing(): Missing | null {
    return this.#missing;
  }

  verdict(): RunsVerdict {
    const open = [...this.#reached].filter(([stream, { begun }]) => begun && stream.startsWith('run/'));
    return { closed: this.#closed, open: open.length, earlier: this.#earlier };
  }

  /** Versions `from` to `to` of a run's or an attempt's stream, of which the last is at `position`. */
  reach(stream: string, from: number, to: number, position: number): void {
    const before = this.#reached.get(stream);
    if (before === undefined) {
      const ended = this.#ended.get(stream);
      if (ended !== undefined) this.#goesOn(stream, ended, from);
      this.#reached.set(stream, { version: to, position, begun: ended?.begun ?? from === 1 });
      return;
    }
    if (from !== before.version + 1) this.#lacks(stream, before.version + 1, before.position);
    before.version = to;
    before.position = position;
  }

  /** A stream that was at its end has another entry: its run is open again, and its earlier closing entry closes nothing. */
  #goesOn(stream: string, { version, begun }: { version: number; begun: boolean }, from: number): void {
    this.#ended.delete(stream);
    if (from !== version + 1) this.#lacks(stream, version + 1, 0);
    if (!stream.startsWith('run/')) return;
    if (begun) this.#closed -= 1;
    else this.#earlier -= 1;
  }

  /** The closing entry of a run, and the last versions that it lists, also those of before an earlier closing entry. */
  close(run: string, listed: unknown): void {
    const own = this.#reached.get(run);
    const known = this.#whole || own?.begun === true;
    if (known) this.#closed += 1;
    else this.#earlier += 1;
    if (listed === null || typeof listed !== 'object') {
      this.#lacks(run, own?.version ?? 1, 0, 'the closing entry cannot be read');
      return;
    }
    for (const [stream, version] of Object.entries(listed).sort(([a], [b]) => (a < b ? -1 : 1))) {
      const reached = this.#reached.get(stream);
      const last = reached?.version ?? this.#ended.get(stream)?.version ?? 0;
      if (known && (typeof version !== 'number' || last < version))
        this.#lacks(
          stream,
          last + 1,
          reached?.position ?? 0,
          `${stream} ends at version ${last}, not ${version}`,
        );
      this.#ended.set(stream, { version: last, begun: known });
      this.#reached.delete(stream);
    }
    if (own !== undefined) this.#ended.set(run, { version: own.version, begun: known });
    this.#reached.delete(run);
  }

  #lacks(
    stream: string,
    version: number,
    after: number,
    reason = `version ${version} of ${stream} is missing`,
  ): void {
    this.#missing ??= { stream, version, after, reason };
  }
}
