type LocalLease = { tail: Promise<void>; inside: number; priorities: Error[]; preempted: AbortController };
/** Takes what is to be done in the lease once the caller has its answer. */
export type AfterRelease = (work: () => Promise<void>) => void;

/** One at a time a key, in order of arrival. Within one process: between processes the resource itself decides (lease, fence). */
export class LocalLeases<K> {
  readonly #leases = new Map<K, LocalLease>();

  /** Somebody is at work, or waits to be. */
  busy(key: K): boolean {
    return this.#leases.has(key);
  }

  /** Somebody waits for whoever is at work. */
  isWaitedFor(key: K): boolean {
    return (this.#leases.get(key)?.inside ?? 0) > 1;
  }

  /** Resolves when nobody is at work who is at work now, or waits to be. */
  async settled(): Promise<void> {
    await Promise.all([...this.#leases.values()].map(({ tail }) => tail));
  }

  /**
   * `preempted` is aborted, with the reason given as `priority`, once somebody with a reason waits: then whoever is at work ends, and who comes to
   * its turn before them does not begin. Not for just anybody, or two that wait would send each other away for ever. What is given to `behind` is
   * done before the next one's turn, and the caller has its answer before: it must not reject.
   */
  async run<T>(
    key: K,
    work: (preempted: AbortSignal, behind: AfterRelease) => Promise<T>,
    { priority }: { priority?: Error } = {},
  ): Promise<T> {
    const fresh = { tail: Promise.resolve(), inside: 0, priorities: [], preempted: new AbortController() };
    const lease: LocalLease = this.#leases.get(key) ?? fresh;
    this.#leases.set(key, lease);
    lease.inside += 1;
    if (priority) {
      lease.priorities.push(priority);
      lease.preempted.abort(priority);
    }
    let last: (() => Promise<void>) | null = null;
    const mine = lease.tail.then(() => {
      if (priority) lease.priorities = lease.priorities.filter((one) => one !== priority);
      lease.preempted = new AbortController();
      if (lease.priorities[0]) lease.preempted.abort(lease.priorities[0]);
      return work(lease.preempted.signal, (it) => {
        last = it;
      });
    });
    const leave = () => {
      lease.inside -= 1;
      if (lease.inside === 0) this.#leases.delete(key);
    };
    // The lease goes on whatever becomes of this one; its own caller gets the error.
    const after = () => (last === null ? undefined : last());
    lease.tail = mine.then(after, after).then(leave, leave);
    return mine;
  }
}
