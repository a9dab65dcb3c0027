import {
  type Actor,
  type AppendResult,
  type AttemptRecord,
  type AttemptState,
  attemptStream as attemptOf,
  type Claim,
  type Clock,
  decideAll,
  type Entry,
  type RecordedEntry,
} from '@millwright/domain';

export type HeldClaim = Extract<Claim, { kind: 'claimed' }>;

/** The stream of a claimed attempt. Appends are decided on it as it is, serialised, and carry the expected version by themselves. */
export type AttemptStream = {
  /** Only what a runner says of its attempt. `refused`: taken over, or closed by the orchestrator; stop at once. */
  append(actor: Actor, records: readonly AttemptRecord[]): Promise<AppendResult>;
  read(afterVersion?: number): Promise<RecordedEntry[]>;
  /** Hands the attempt back for anybody to claim. False: it was not ours any more. */
  release(): Promise<boolean>;
};

/** What the trail does for whoever shows the secret of a claim. */
export type ClaimDoor = {
  /** Puts entries on the attempt's stream after `version`, all or none. `refused`: the claim is not the current one, or the attempt is closed. */
  append(version: number, actor: Actor, entries: readonly Entry[]): Promise<AppendResult>;
  read(afterVersion: number): Promise<RecordedEntry[]>;
  release(): Promise<boolean>;
};

/** What others put beside a runner's own entries. */
const BESIDE: ReadonlySet<string> = new Set(['attempt.refused', 'attempt.steered']);

/** `ended` is called as soon as it is known that nothing more can be said under this claim. */
export function attemptStream(
  door: ClaimDoor,
  clock: Pick<Clock, 'now'>,
  claim: HeldClaim,
  ended: () => void,
): AttemptStream {
  const { decider } = attemptOf(claim.attempt);
  /** What was opened alone can be claimed; what was said of it since is read before the first append. Who is taken over may read nothing. */
  let state: AttemptState = { kind: 'attempt', asks: null, closed: false };
  let [version, known] = [claim.version, false];
  let last: Promise<unknown> = Promise.resolve();

  const takeIn = (since: readonly RecordedEntry[]) => {
    for (const { entry, envelope } of since) state = decider.evolve(state, entry, envelope);
  };

  const send = async (actor: Actor, entries: readonly Entry[]): Promise<AppendResult> => {
    const sent = await door.append(version, actor, entries);
    if (sent.kind === 'refused') ended();
    if (sent.kind !== 'appended') return sent;
    version = sent.version;
    if (entries.some((entry) => entry.type === 'attempt.closed')) ended();
    return sent;
  };

  /**
   * While the claim is ours, others put nothing into the stream but the refusal of a former claimant, and what a person says to its agent: step
   * over it. Anything else is for the caller to see.
   */
  const append = async (actor: Actor, records: readonly AttemptRecord[]): Promise<AppendResult> => {
    if (!known) takeIn(await door.read(0));
    known = true;
    for (;;) {
      const decided = decideAll(decider, records, { actor, at: clock.now() }, state);
      if (decided.kind === 'rejected') return { kind: 'refused', reason: decided.reason };
      if (decided.entries.length === 0) return { kind: 'refused', reason: 'the attempt says so already' };
      const result = await send(actor, decided.entries);
      if (result.kind === 'appended') state = decided.state;
      if (result.kind !== 'conflict') return result;
      const since = await door.read(version);
      const to = since.at(-1)?.envelope.version;
      if (to === undefined || since.some(({ envelope }) => !BESIDE.has(envelope.type))) return result;
      takeIn(since);
      version = to;
    }
  };

  return {
    append: (actor, records) => {
      const mine = last.then(() => append(actor, records));
      last = mine.catch(() => undefined); // the caller has the error; the next append is judged by itself
      return mine;
    },
    read: async (afterVersion = 0) => {
      const since = await door.read(afterVersion);
      if (afterVersion === 0 && !known) takeIn(since);
      known ||= afterVersion === 0;
      return since;
    },
    release: () => {
      ended();
      return door.release();
    },
  };
}
