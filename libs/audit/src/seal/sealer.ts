import { bytesArray, numberArray } from '@millwright/database';
import { type Clock, type EntryOf, retryable, terminal } from '@millwright/domain';
import { driveError, openPgListener, openPool, reading, type Sql } from '../connect.ts';
import {
  type Checkpoint,
  canonicalBytes,
  checkpointText,
  formatNote,
  IN_TOTO,
  keyidOf,
  parseVerifierKey,
  rotation,
  type Signature,
  type SignerKey,
  signEnvelope,
  signText,
  type VerifierKey,
} from '../proof/index.ts';
import { WakeUp } from '../wake-up.ts';
import {
  type AddedCosignature,
  addCosignature,
  type Cosigned,
  checkpointAt,
  cosignedBy,
  latestCheckpoint,
  latestCosigned,
  openOwn,
  type SignedCheckpoint,
} from './checkpoints.ts';
import { openKeyFolder } from './key-folder.ts';
import { leavesAfter, type TreeRow } from './nodes.ts';
import { type Published, type Resumed, resume } from './resume.ts';

// The sealer. Any number of orchestrators run it; the one whose session holds the lock seals, the others wait for its end.
//
// Invariants:
//   1. A checkpoint is signed only on entries that are committed, by the session that holds the lock, on from the last checkpoint.
//   2. Before the first checkpoint of a session, what is stored was found to be what was signed (resume.ts).
//   3. A checkpoint is on this machine's disk before it is in the database: what cannot be remembered is not signed.

/** Entries in one checkpoint at most; a backlog is worked off a checkpoint at a time. */
const BATCH = 4_000;
/** So many entries wait for no quiet moment. */
const ENOUGH = 1_000;
/** Notifications may be lost: at most this far behind without them, with the lock lost too. */
const POLL_MS = 500;
/** After a refusal: what is wrong does not heal by itself. */
const RETRY_MS = 2_000;

type SealerState =
  | { kind: 'stopped' }
  /** Another orchestrator is the sealer, or the database cannot be reached. */
  | { kind: 'waiting'; reason: string }
  | { kind: 'sealing'; size: number }
  /** Something is wrong with the trail or the key: nothing is signed, nothing ships. */
  | { kind: 'refusing'; code: string; reason: string };

type Witnesses = { vkeys: readonly string[]; quorum: number };

/** `refused`: why the last cosignature under its name was not taken, if none was taken since. */
export type WitnessSeen = Cosigned & { refused: string | null };

export type Sealer = {
  /** Begins to seal, or to wait for its turn. Resolves once a key is there or it is known why not. */
  start(): Promise<void>;
  stop(): Promise<void>;
  state(): SealerState;
  /** Waits until the entry at this position is under a checkpoint that holds (and that enough witnesses cosigned, where they are configured). */
  sealed(
    position: number,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<'sealed' | 'timeout'>;
  /** With its cosignatures. */
  latest(): Promise<SignedCheckpoint | null>;
  checkpointAt(size: number): Promise<SignedCheckpoint | null>;
  /** Resolves with the first checkpoint larger than `size`, or null after `timeoutMs`. */
  after(size: number, timeoutMs: number): Promise<SignedCheckpoint | null>;
  addCosignature(size: number, signature: Signature): Promise<AddedCosignature>;
  /** The witnesses that are configured, in that order, and how many of them must cosign. */
  witnesses(): Promise<{ quorum: number; seen: WitnessSeen[] }>;
  /** The current verifier key; null before the first start has made one. */
  vkey(): Promise<string | null>;
  /** The trail's name, and its key's. */
  readonly origin: string;
  /** A statement in a signed envelope, as the one line of JSON that is kept and exported, and the key's id. Retryable 'unsealed' without a key. */
  attest(statement: object): Promise<{ line: string; key: string }>;
  /** A new key, vouched for by the old one on the trail, where `record` puts what is said of it. Throws a terminal 'not-sealing' where another orchestrator is the sealer. */
  rotate(
    record: (entry: EntryOf<'factory.key-rotated'>) => Promise<unknown>,
  ): Promise<{ previous: string; next: string }>;
};

export type SealerOptions = {
  /** Role orchestrator. */
  url: string;
  /** Where the key is, outside the database. */
  keyFolder: string;
  /** The trail's name for good, and its key's: a schema-less URL. */
  origin: string;
  clock: Clock;
  witnesses?: Witnesses;
  /** What was handed out before, from where it was put; asked whenever this begins to seal. What cannot be read is left out. */
  published?: () => Promise<readonly Published[]>;
  /** Quiet time before a checkpoint, so that a burst of entries shares one. Default 100 ms; nobody waits it out who calls `sealed`. */
  debounceMs?: number;
  /** Hears of every change of state. */
  onState?: (state: SealerState) => void;
};

async function store(
  sql: Sql,
  from: number,
  checkpoint: Checkpoint,
  tail: Uint8Array,
  note: string,
  at: number,
  rows: readonly TreeRow[],
) {
  await sql`
    select millwright.seal(${from}, ${checkpoint.size}, ${Buffer.from(checkpoint.root)}, ${Buffer.from(tail)}, ${note}, ${at},
      ${numberArray(rows.map((r) => r.level))}::smallint[], ${numberArray(rows.map((r) => r.index))}::bigint[],
      ${bytesArray(rows.map((r) => r.hash))}::bytea[], ${bytesArray(rows.map((r) => r.children))}::bytea[])`;
}

function witnessKeys(witnesses: Witnesses | undefined): VerifierKey[] {
  return (witnesses?.vkeys ?? []).map((vkey) => {
    const key = parseVerifierKey(vkey);
    if (key?.kind !== 'cosignature')
      throw terminal('witness-key', `this is not a witness's verifier key: ${vkey}`);
    return key;
  });
}

export async function openSealer(options: SealerOptions): Promise<Sealer> {
  const { url, origin, clock } = options;
  const quorum = options.witnesses?.quorum ?? 0;
  const witnesses = witnessKeys(options.witnesses);
  const names = witnesses.map((key) => key.name);
  /** By name of a witness. */
  const refused = new Map<string, string>();
  const keys = await openKeyFolder(options.keyFolder);
  let resumed: Resumed | null = null;
  /** Whether what was handed out before was looked at, and this trail goes on from it. */
  let lookedAt = false;
  const session = openPool(url, {
    max: 1,
    deadlineMs: 20_000,
    onclose: () => {
      resumed = null; // the lock went with the session
    },
  });
  const reads = openPool(url, { max: 2 });
  const work = new WakeUp();
  const news = new Set<WakeUp>();
  let state: SealerState = { kind: 'stopped' };
  let stopping = false;
  let loop: Promise<void> = Promise.resolve();
  /** The last position known to be covered, as `sealed` means it. */
  let covered = 0;
  /** Held while a checkpoint is signed or the key exchanged. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = turn.then(act);
    turn = mine.catch(() => undefined); // its caller hears of it
    return mine;
  };

  const setState = (next: SealerState) => {
    const said = JSON.stringify(next.kind === 'sealing' ? next.kind : next);
    const before = JSON.stringify(state.kind === 'sealing' ? state.kind : state);
    state = next;
    if (said === before) return;
    for (const wakeUp of news) wakeUp.wake();
    options.onState?.(next);
  };
  const listener = openPgListener(url, {
    millwright_trail: (head) => {
      hurry ||= Number(head) - reached >= ENOUGH;
      work.wake();
      if (hurry) quiet.wake();
    },
    millwright_sealed: () => {
      for (const wakeUp of news) wakeUp.wake();
    },
  });
  /** The size of the last checkpoint, known while the next is made too: else every entry that comes meanwhile would seem a thousand behind. */
  let reached = 0;
  let hurry = false;
  const quiet = new WakeUp();
  const rush = () => {
    hurry = true;
    work.wake();
    quiet.wake();
  };

  /** Seals what there is. Returns whether there may be more. */
  async function sealOnce(sql: Sql): Promise<boolean> {
    const [{ held }] = await sql<[{ held: boolean }]>`select millwright.sealer_lock() as held`;
    if (!held) {
      resumed = null;
      setState({ kind: 'waiting', reason: 'another orchestrator is the sealer' });
      return false;
    }
    resumed ??= await resume(sql, keys, origin, lookedAt ? [] : await options.published?.());
    lookedAt = true;
    const { tree, signer } = resumed;
    const from = tree.size;
    reached = from;
    const leaves = await leavesAfter(sql, from, BATCH);
    if (leaves.length > 0) {
      const rows: TreeRow[] = [];
      resumed = null; // the tree runs ahead of what is stored until it is stored
      for (const leaf of leaves) tree.append(leaf, (row) => rows.push(row));
      const checkpoint: Checkpoint = { origin, size: tree.size, root: tree.root(), extensions: [] };
      const text = checkpointText(checkpoint);
      const note = formatNote({ text, signatures: [signText(text, signer)] });
      await keys.intend(note);
      await store(sql, from, checkpoint, tree.tail(), note, clock.now(), rows);
      await keys.confirm();
      resumed = { tree, signer };
      reached = tree.size;
    }
    setState({ kind: 'sealing', size: tree.size });
    return leaves.length === BATCH;
  }

  async function run(): Promise<void> {
    while (!stopping) {
      let pause = POLL_MS;
      try {
        listener.listen();
        hurry = false;
        while (!stopping && (await inTurn(() => session.use(sealOnce))));
      } catch (error) {
        resumed = null;
        const drive = driveError(error);
        // 55000: another session was faster; SQLSTATEs of lost connections are retryable already.
        const lost = drive.disposition !== 'terminal' || drive.code === 'trail-failed';
        if (lost) setState({ kind: 'waiting', reason: drive.message });
        else setState({ kind: 'refusing', code: drive.code, reason: drive.message });
        pause = lost ? POLL_MS : RETRY_MS;
      }
      if (stopping) return;
      const heard = await work.wait(pause);
      if (heard && !hurry && !stopping) await quiet.wait(options.debounceMs ?? 100);
      if (state.kind === 'refusing' && !stopping) await clock.sleep(200);
    }
  }

  const trusted = async (): Promise<SignerKey | null> => resumed?.signer ?? (await keys.signer());

  /** Whether this checkpoint holds for us: under our key or one it came from, cosigned by enough. */
  async function holds(checkpoint: SignedCheckpoint | null): Promise<boolean> {
    const signer = await trusted();
    if (checkpoint === null || signer === null) return false;
    const opened = await reading(reads, (sql) => openOwn(sql, checkpoint.note, [signer, ...witnesses]));
    if (
      opened.kind !== 'opened' ||
      opened.checkpoint.size !== checkpoint.size ||
      opened.checkpoint.origin !== origin
    )
      return false;
    return new Set(opened.cosignedBy.map(({ key }) => key.name)).size >= quorum;
  }

  async function refresh(): Promise<void> {
    const found = await reading(reads, (sql) =>
      quorum > 0 ? latestCosigned(sql, names, quorum) : latestCheckpoint(sql),
    );
    if (found !== null && found.size > covered && (await holds(found))) covered = found.size;
  }

  /** Asks again at every piece of news, until it is answered or time is up. */
  async function until<T>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    ask: () => Promise<T | null>,
  ): Promise<T | null> {
    const wakeUp = new WakeUp();
    const deadline = performance.now() + timeoutMs;
    const wake = () => wakeUp.wake();
    news.add(wakeUp);
    signal?.addEventListener('abort', wake);
    try {
      for (;;) {
        const answer = await ask();
        const left = deadline - performance.now();
        if (answer !== null || left <= 0 || signal?.aborted || stopping) return answer;
        await wakeUp.wait(Math.min(left, POLL_MS));
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      news.delete(wakeUp);
    }
  }

  return {
    start: async () => {
      await keys.signer(); // a key that others can read, or that is none, is said at once
      setState({ kind: 'waiting', reason: 'starting' });
      stopping = false;
      loop = run();
      await until(5_000, undefined, async () =>
        state.kind === 'waiting' && state.reason === 'starting' ? null : state,
      );
    },
    stop: async () => {
      stopping = true;
      work.wake();
      quiet.wake();
      for (const wakeUp of news) wakeUp.wake();
      await loop;
      await listener.close();
      await Promise.all([session.close(), reads.close()]);
      setState({ kind: 'stopped' });
    },
    state: () => state,
    sealed: async (position, { timeoutMs, signal }) => {
      const answer = await until(timeoutMs, signal, async () => {
        if (covered >= position) return 'sealed' as const;
        rush();
        await refresh().catch((error: unknown) => {
          if (driveError(error).disposition === 'terminal') throw error;
        });
        return covered >= position ? ('sealed' as const) : null;
      });
      return answer ?? 'timeout';
    },
    latest: () => reading(reads, latestCheckpoint),
    checkpointAt: (size) => reading(reads, (sql) => checkpointAt(sql, size)),
    after: (size, timeoutMs) =>
      until(timeoutMs, undefined, async () => {
        const found = await reading(reads, latestCheckpoint);
        return found !== null && found.size > size ? found : null;
      }),
    addCosignature: async (size, signature) => {
      const added = await reads.use((sql) => addCosignature(sql, witnesses, size, signature, clock.now()));
      if (added.kind !== 'refused') refused.delete(signature.name);
      else if (witnesses.some((key) => key.name === signature.name))
        refused.set(signature.name, added.reason);
      return added;
    },
    witnesses: async () => {
      const seen = await reading(reads, (sql) => cosignedBy(sql, names));
      return { quorum, seen: seen.map((one) => ({ ...one, refused: refused.get(one.name) ?? null })) };
    },
    vkey: async () => (await trusted())?.vkey ?? null,
    origin,
    attest: async (statement) => {
      const signer = await trusted();
      if (signer === null) throw retryable('unsealed', 'there is no key to sign an attestation with yet');
      const envelope = signEnvelope(IN_TOTO, canonicalBytes(statement), signer);
      return { line: new TextDecoder().decode(canonicalBytes(envelope)), key: keyidOf(signer) };
    },
    rotate: (record) =>
      inTurn(async () => {
        if (resumed === null || state.kind !== 'sealing')
          throw terminal(
            'not-sealing',
            'another orchestrator is the sealer, or nothing is sealed now; rotate the key where it is',
          );
        const previous = resumed.signer;
        const next = await keys.next(origin);
        await record({ type: 'factory.key-rotated', data: rotation(previous, next) });
        await keys.take();
        resumed = null; // the next checkpoint is signed with what is in the folder now
        rush();
        return { previous: previous.vkey, next: next.vkey };
      }),
  };
}
