import type { Envelope } from '@millwright/domain';
import { Buffer } from '#platform';
import { type Opened, openCheckpoint } from '../log/checkpoint.ts';
import { checkPayload, leafHash, type Payload } from '../log/entry.ts';
import type { VerifierKey } from '../log/keys.ts';
import { redactedBy } from '../log/payloads.ts';
import { keysAfter, type Rotation } from '../log/rotation.ts';
import { GrowingTree } from '../log/tree.ts';
import { diagnose, type Suspect } from './diagnose.ts';
import type { Integrity } from './verify-bundle.ts';

// Verification of a whole trail, entry by entry, in memory that does not grow with it. Whoever feeds it (from a database, over HTTP)
// only carries: what it says rests on the keys and the earlier checkpoints that the verifier brought.

export type TrailVerdict = {
  integrity: Integrity;
  /** Entries read. */
  entries: number;
  /** The largest checkpoint that holds: entries after it are not sealed yet. */
  sealed: number;
  /** The largest checkpoint of those the verifier brought or a witness cosigned: up to here not even the operator can have rewritten. */
  anchored: number;
  checkpoints: number;
  /** Entries whose free text was erased, as later entries say, and the first hundred of their positions. */
  redacted: { count: number; first: number[] };
  witnessed: { name: string; size: number; at: number }[];
};

export type TrailEntry = { envelope: Envelope; payload: Payload | null };

export type TrailClaims = {
  /** Trusted keys: the log's and witnesses'. */
  keys: readonly VerifierKey[];
  /** Handings over that the trail holds: believed only as far as their signatures go. */
  rotations?: readonly Rotation[];
  /** Checkpoints (notes) that the verifier kept from before, or has from a witness. */
  earlier?: readonly string[];
  /** Hears of every complete node: for comparing with a tree that is stored. */
  completed?: (level: number, index: number, hash: Uint8Array) => void;
};

/** Entries looked at around a bad one, to say what was done. What it means is told at the next checkpoint. */
const WINDOW = 17;
/** Erased texts that no entry has accounted for yet: more than this is no redaction, and memory is bounded. */
const MAX_UNSAID = 100_000;

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

export class TrailVerifier {
  readonly #keys: readonly VerifierKey[];
  readonly #completed: TrailClaims['completed'];
  readonly #tree = new GrowingTree();
  /** Roots that the verifier brought, by size. */
  readonly #earlier = new Map<number, Uint8Array[]>();
  readonly #sealedLeaves = new Map<number, Uint8Array>();
  readonly #stored = new Map<number, string[]>();
  readonly #witnessed = new Map<string, { name: string; size: number; at: number }>();
  #suspect: Suspect | null = null;
  #bad: Integrity | null = null;
  #unknown: { size: number; reason: string } | null = null;
  #sealed = 0;
  #agreed = 0;
  #anchored = 0;
  #claimed = 0;
  #checkpoints = 0;
  #redacted: TrailVerdict['redacted'] = { count: 0, first: [] };
  readonly #unsaid = new Set<number>();

  constructor({ keys, rotations = [], earlier = [], completed }: TrailClaims) {
    this.#completed = completed;
    this.#keys = keysAfter(keys, rotations, { backwards: true });
    for (const note of earlier) {
      const opened = openCheckpoint(note, this.#keys);
      if (opened.kind === 'opened')
        this.#earlier.set(opened.checkpoint.size, [
          ...(this.#earlier.get(opened.checkpoint.size) ?? []),
          opened.checkpoint.root,
        ]);
      else
        this.#bad ??= {
          kind: 'untrusted',
          code: opened.kind === 'bad-signature' ? opened.kind : 'unknown-key',
          reason: `an earlier checkpoint that you gave: ${opened.reason}`,
        };
    }
  }

  /** Whether reading on is of any use. */
  get done(): boolean {
    return this.#bad !== null;
  }

  #found(position: number, through: number, code: string, reason: string): void {
    this.#bad ??= { kind: 'tampered', position, through, code, reason };
  }

  /** What was sealed for a position, before its entry: tells which entry was changed, if one was. */
  sealedLeaf(position: number, hash: Uint8Array): void {
    this.#sealedLeaves.set(position, hash);
  }

  /** A stored checkpoint, before the entry of its size. */
  checkpoint(size: number, note: string): void {
    this.#claimed = Math.max(this.#claimed, size);
    this.#stored.set(size, [...(this.#stored.get(size) ?? []), note]);
  }

  /** A stored node is not the one that the entries [position, through] make. What is wrong with those, if anything, is told first. */
  badNode(position: number, through: number): void {
    if (this.#suspect === null)
      this.#found(
        position,
        through,
        'tree',
        `the stored tree over entries ${position} to ${through} is not the one that they make`,
      );
  }

  /** The next entry, in the order of the trail. */
  entry(one: TrailEntry): void {
    if (this.#bad !== null) return;
    const position = this.#tree.size + 1;
    const { envelope, payload } = one;
    if (envelope.position !== position) {
      if (this.#suspect !== null) this.#accuse(this.#suspect, false);
      this.#found(position, position, 'removed', `entry ${position} is missing`);
      return;
    }
    const leaf = leafHash(envelope);
    this.#suspectOrNot(envelope, leaf);
    const checked = checkPayload(envelope, payload);
    if ((checked === 'mismatch' || checked === 'missing') && this.#suspect === null) {
      const what = checked === 'missing' ? 'missing' : 'not the one that was recorded';
      const code = checked === 'missing' ? 'missing' : 'payload';
      this.#found(position, position, code, `the payload of entry ${position} is ${what}`);
      return;
    }
    if (checked === 'redacted') this.#unsaid.add(position);
    this.#redact(redactedBy(envelope, payload));
    if (this.#unsaid.size > MAX_UNSAID) this.#accuseUnsaid();
    this.#tree.append(leaf, this.#completed);
    for (const note of this.#stored.get(position) ?? []) this.#judge(position, note);
    this.#stored.delete(position);
    for (const root of this.#earlier.get(position) ?? []) this.#compare(position, root);
  }

  #suspectOrNot(envelope: Envelope, leaf: Uint8Array): void {
    const { position } = envelope;
    const sealed = this.#sealedLeaves.get(position);
    this.#sealedLeaves.delete(position);
    if (this.#suspect !== null) {
      if (this.#suspect.window.length < WINDOW) this.#suspect.window.push({ envelope, sealed });
    } else if (sealed !== undefined && !equal(leaf, sealed))
      this.#suspect = { position, window: [{ envelope, sealed }] };
  }

  /** Free text that is gone must be accounted for by an entry that comes later. */
  #accuseUnsaid(): void {
    const [position] = this.#unsaid; // a Set is read in the order of the trail
    if (position === undefined) return;
    const reason = `the free text of entry ${position} is gone, and no entry says that it was redacted`;
    this.#found(position, position, 'missing', reason);
  }

  #redact(position: number | null): void {
    if (position === null || !this.#unsaid.delete(position)) return;
    this.#redacted.count += 1;
    if (this.#redacted.first.length < 100) this.#redacted.first.push(position);
  }

  #accuse(suspect: Suspect, rootHolds: boolean): void {
    const { position } = suspect;
    if (rootHolds) {
      this.#found(
        position,
        position,
        'tree',
        `the stored tree has another hash for entry ${position}; the entries are what was signed`,
      );
      return;
    }
    const { code, reason } = diagnose(suspect);
    this.#found(position, position, code, reason);
  }

  /** A stored checkpoint at its size: who signed it, and is it of these entries? */
  #judge(size: number, note: string): void {
    this.#checkpoints += 1;
    const opened = openCheckpoint(note, this.#keys);
    const bad = (reason: string) =>
      this.#found(size, size, 'checkpoint', `the checkpoint of ${size} entries does not hold: ${reason}`);
    if (opened.kind === 'unknown-key') this.#unknown ??= { size, reason: opened.reason };
    else if (opened.kind !== 'opened') bad(opened.reason);
    else if (opened.checkpoint.size !== size) bad(`it is of ${opened.checkpoint.size}`);
    else {
      const holds = equal(opened.checkpoint.root, this.#tree.root());
      const from = this.#sealed + 1;
      if (this.#suspect !== null) this.#accuse(this.#suspect, holds);
      else if (!holds)
        this.#found(
          from,
          size,
          'rewritten',
          `entries ${from} to ${size} are not those that the checkpoint of ${size} was signed on`,
        );
      else {
        this.#sealed = size;
        this.#witness(opened, size);
      }
    }
  }

  #witness(opened: Extract<Opened, { kind: 'opened' }>, size: number): void {
    for (const { key, at } of opened.cosignedBy) this.#witnessed.set(key.name, { name: key.name, size, at });
    if (opened.cosignedBy.length > 0) this.#anchored = Math.max(this.#anchored, size);
  }

  /** A checkpoint that the verifier brought, at its size. */
  #compare(size: number, root: Uint8Array): void {
    if (equal(root, this.#tree.root())) {
      this.#agreed = size;
      this.#anchored = Math.max(this.#anchored, size);
      return;
    }
    const from = this.#agreed + 1;
    if (this.#suspect !== null) this.#accuse(this.#suspect, false);
    this.#found(
      from,
      size,
      'fork',
      `this is not the trail that your checkpoint of ${size} entries was signed on: it was rewritten between entries ${from} and ${size}`,
    );
  }

  #atTheEnd(): Integrity {
    const head = this.#tree.size;
    if (this.#suspect !== null) this.#accuse(this.#suspect, false);
    this.#accuseUnsaid();
    if (this.#bad !== null) return this.#bad;
    const brought = Math.max(0, ...this.#earlier.keys());
    if (Math.max(this.#claimed, brought) > head)
      return {
        kind: 'tampered',
        position: head + 1,
        through: Math.max(this.#claimed, brought),
        code: this.#claimed > head ? 'truncated' : 'rolled-back',
        reason:
          this.#claimed > head
            ? `the trail ends at entry ${head}, and a checkpoint was signed on ${this.#claimed}`
            : `the trail ends at entry ${head}, and your checkpoint is of ${brought}: its tail was cut off, or an older backup was restored`,
      };
    if (this.#unknown !== null) {
      const { size, reason } = this.#unknown;
      return this.#sealed === 0
        ? { kind: 'untrusted', code: 'unknown-key', reason }
        : { kind: 'tampered', position: size, through: size, code: 'checkpoint', reason };
    }
    return { kind: 'ok' };
  }

  /** After the last entry. */
  finish(): TrailVerdict {
    return {
      integrity: this.#atTheEnd(),
      entries: this.#tree.size,
      sealed: this.#sealed,
      anchored: this.#anchored,
      checkpoints: this.#checkpoints,
      redacted: this.#redacted,
      witnessed: [...this.#witnessed.values()],
    };
  }
}
