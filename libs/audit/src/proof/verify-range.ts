import { hash } from 'node:crypto';
import { openCheckpoint } from './checkpoint.ts';
import { checkPayload } from './entry.ts';
import { parseVerifierKey, type VerifierKey } from './keys.ts';
import { Lines } from './lines.ts';
import { redactedBy } from './payloads.ts';
import { InclusionChecker } from './proofs.ts';
import {
  blocksOf,
  MAX_HEADER_BYTES,
  MAX_LINE_BYTES,
  type ReadHeader,
  type ReadLine,
  rangeNodes,
  readRangeHeader,
  readRangeLine,
} from './range.ts';
import { keysAfter } from './rotation.ts';
import { Runs, type RunsVerdict } from './runs.ts';
import { EMPTY_ROOT, GrowingTree, nodesOf } from './tree.ts';
import { type Completeness, firstBad, type Integrity, oddKey, redactedOf } from './verify-bundle.ts';

// Verification of a range, as its bytes come: the header's hashes are those of the signed tree, and each block of entries is what one of them says.

export type RangeVerdict = {
  /** Where a block is not as it was sealed, what was changed lies between `position` and `through`: at most a block. */
  integrity: Integrity;
  /** Of every run in the range: `open` where one has no closing entry yet. */
  completeness: Completeness;
  runs: RunsVerdict;
  /** The range is (since, until]. */
  since: number;
  until: number;
  /** Entries read. */
  entries: number;
  /** Entries whose free text was erased, as later ones say, and the first hundred of their positions. */
  redacted: { count: number; first: number[] };
  checkpoint: { origin: string; size: number } | null;
  signedBy: string[];
  cosignedBy: { name: string; at: number }[];
};

/** Erased texts that no entry has accounted for yet: more than this is no redaction, and memory is bounded. */
const MAX_UNSAID = 100_000;
/** Blocks of consecutive entries, each checked against the hash of its node when its last entry is there. */
class Blocks {
  readonly #nodes: { first: number; last: number; hash: Uint8Array }[];
  readonly #leaves: Buffer;
  readonly #pair = Buffer.alloc(65, 1);
  #at = 0;

  constructor({ since, until, level, nodes }: ReadHeader) {
    const before = nodesOf(0, since).length;
    this.#nodes = blocksOf({ since, until, level }).map((node, i) => {
      const width = 2 ** node.level;
      const hash = nodes[before + i] ?? EMPTY_ROOT;
      return { first: node.index * width + 1, last: (node.index + 1) * width, hash };
    });
    this.#leaves = Buffer.alloc(32 * 2 ** level);
  }

  /** The first entry of the block that is being read; after the last, none. */
  get first(): number {
    return this.#nodes[this.#at]?.first ?? Number.POSITIVE_INFINITY;
  }

  /** The next entry's leaf. The block that it completes, if that is not as it was sealed. */
  add(position: number, text: string): { first: number; last: number } | null {
    const block = this.#nodes[this.#at];
    if (block === undefined) throw new RangeError(`no block has entry ${position}`);
    this.#leaves.write(hash('sha256', `\0${text}`, 'binary'), 32 * (position - block.first), 'latin1');
    if (position < block.last) return null;
    this.#at += 1;
    // Pair by pair, in place, until one is left.
    for (let n = block.last - block.first + 1; n > 1; n /= 2)
      for (let i = 0; i < n / 2; i++) {
        this.#leaves.copy(this.#pair, 1, 64 * i, 64 * i + 64);
        this.#leaves.write(hash('sha256', this.#pair, 'binary'), 32 * i, 'latin1');
      }
    return Buffer.compare(this.#leaves.subarray(0, 32), block.hash) === 0 ? null : block;
  }
}

type Tampered = Extract<Integrity, { kind: 'tampered' }>;

/** Takes the bytes of a file in order (`push`), and judges them (`finish`). Never throws; memory is that of a line, a block, and the open runs. */
export class RangeVerifier {
  readonly #vkeys: readonly string[] | 'own';
  readonly #lines = new Lines();
  readonly #unsaid = new Set<number>();
  #said: ReadonlySet<number | null> = new Set();
  #blocks: Blocks | null = null;
  #next = 1;
  #runs = new Runs(true);
  #bad: Integrity | null = null;
  /** A payload that is not the recorded one: what is wrong, unless something in its block before it is. */
  #suspect: Tampered | null = null;
  readonly #verdict: RangeVerdict = {
    integrity: { kind: 'ok' },
    completeness: { kind: 'unknown' },
    runs: { closed: 0, open: 0, earlier: 0 },
    since: 0,
    until: 0,
    entries: 0,
    redacted: { count: 0, first: [] },
    checkpoint: null,
    signedBy: [],
    cosignedBy: [],
  };

  /** Trusted keys: the log's (of any time: rotations lead on) and, if wanted, witnesses'. `own`: those that the file names, which shows only that it hangs together. */
  constructor(vkeys: readonly string[] | 'own') {
    this.#vkeys = vkeys;
  }

  /** Whether reading on is of any use. */
  get done(): boolean {
    return this.#bad !== null;
  }

  /** The next bytes. They are not kept. */
  push(chunk: Buffer): void {
    if (this.done) return;
    this.#lines.push(chunk, (bytes, from, end) => {
      if (this.#blocks === null) this.#open(bytes.toString('utf8', from, end));
      else this.#entry(this.#blocks, bytes, from, end);
      return !this.done;
    });
    const header = this.#blocks === null;
    if (this.#lines.pending <= (header ? MAX_HEADER_BYTES : MAX_LINE_BYTES)) return;
    const reason = `${header ? 'the first line' : `the line of entry ${this.#next}`} is longer than any can be`;
    this.#bad ??= { kind: 'unreadable', code: 'too-large', reason };
  }

  #open(line: string): void {
    const read = readRangeHeader(line);
    this.#bad = read.kind === 'read' ? this.#trusted(read.header) : read;
    if (read.kind !== 'read' || this.#bad !== null) return;
    const { header } = read;
    this.#said = new Set(header.redactions.map(({ envelope, payload }) => redactedBy(envelope, payload)));
    this.#blocks = new Blocks(header);
    this.#next = header.since + 1;
    this.#runs = new Runs(header.since === 0);
  }

  /** Checks the header against the keys, and its hashes against the root that was signed. Null where all is well. */
  #trusted(header: ReadHeader): Integrity | null {
    const { since, until, nodes, redactions } = header;
    Object.assign(this.#verdict, { since, until });
    const odd = oddKey(header.keys);
    if (odd !== null) return odd;
    const keys: VerifierKey[] = [];
    for (const vkey of this.#vkeys === 'own' ? Object.values(header.keys).flat() : this.#vkeys) {
      const key = parseVerifierKey(vkey);
      const reason = `this is not a verifier key: ${vkey.slice(0, 200)}`;
      if (key === null) return { kind: 'untrusted', code: 'bad-key', reason };
      keys.push(key);
    }
    const opened = openCheckpoint(header.checkpoint, keysAfter(keys, header.rotations));
    if (opened.kind === 'malformed') return { kind: 'unreadable', code: 'malformed', reason: opened.reason };
    if (opened.kind !== 'opened') return { kind: 'untrusted', code: opened.kind, reason: opened.reason };
    const { origin, size, root } = opened.checkpoint;
    this.#verdict.checkpoint = { origin, size };
    this.#verdict.signedBy = opened.signedBy.map((key) => key.vkey);
    this.#verdict.cosignedBy = opened.cosignedBy.map(({ key, at }) => ({ name: key.name, at }));
    const places = until <= size ? rangeNodes(header, size) : [];
    const tree = new GrowingTree();
    if (places.length === nodes.length)
      for (const [i, { level }] of places.entries()) tree.appendNode(level, nodes[i] ?? EMPTY_ROOT);
    if (tree.size !== size || Buffer.compare(tree.root(), root) !== 0) {
      const reason = 'the hashes in the header are not those of the tree under its checkpoint';
      return { kind: 'tampered', position: since + 1, through: until, code: 'not-in-tree', reason };
    }
    const bad = firstBad(redactions, new InclusionChecker(size, root));
    const said = bad === null ? redactedOf([], redactions) : bad;
    return Array.isArray(said) ? null : said;
  }

  /** Something is wrong at the next entry. If something before it in its block is too, only the whole block would tell. */
  #found(code: string, reason: string): void {
    const at = this.#suspect ?? { position: this.#next, code, reason };
    const [position, through] = [this.#blocks?.first ?? at.position, at.position];
    this.#bad ??= { kind: 'tampered', position, through, code: at.code, reason: at.reason };
  }

  #entry(blocks: Blocks, bytes: Buffer, from: number, end: number): void {
    const position = this.#next;
    if (position > this.#verdict.until) {
      this.#bad = this.#more();
      return;
    }
    const line = readRangeLine(bytes, from, end);
    if (line?.envelope.position !== position) {
      const there = line?.envelope.position ?? 0;
      if (line === null) this.#found('malformed', `the line of entry ${position} is not as it should be`);
      else
        this.#found(
          there > position ? 'removed' : 'reordered',
          `entry ${there} is where entry ${position} should be`,
        );
      return;
    }
    this.#follow(line, position);
    this.#verdict.entries += 1;
    this.#next += 1;
    const bad = blocks.add(position, line.text);
    if (bad !== null) {
      const [first, last] = [bad.first, this.#suspect?.position ?? bad.last];
      const reason = `entries ${first} to ${bad.last} are not those that were sealed: one was changed`;
      this.#bad ??= { kind: 'tampered', position: first, through: last, code: 'changed', reason };
    } else if (this.#suspect !== null && blocks.first > this.#suspect.position) this.#bad ??= this.#suspect;
  }

  #more(): Integrity {
    const reason = `there is more in the file after entry ${this.#verdict.until}, which is its last`;
    return { kind: 'unreadable', code: 'malformed', reason };
  }

  /** The payload, and what the entry says about others. */
  #follow({ envelope, payload }: ReadLine, position: number): void {
    const checked = checkPayload(envelope, payload);
    if (checked === 'missing' || checked === 'mismatch') {
      const what = checked === 'missing' ? 'missing' : 'not what was recorded';
      const code = checked === 'missing' ? 'missing' : 'payload';
      const reason = `the payload of entry ${position} is ${what}`;
      this.#suspect ??= { kind: 'tampered', position, through: position, code, reason };
      return;
    }
    if (checked === 'redacted') {
      if (this.#said.has(position)) this.#redacted(position);
      else this.#unsaid.add(position);
      if (this.#unsaid.size > MAX_UNSAID) this.#bad ??= this.#firstUnsaid();
    }
    this.#runs.entry(envelope.stream, envelope.version, position);
    if (envelope.type === 'run.closed' && payload !== null) this.#runs.close(envelope.stream, payload);
    const erased = redactedBy(envelope, payload);
    if (erased !== null && this.#unsaid.delete(erased)) this.#redacted(erased);
  }

  #redacted(position: number): void {
    const { redacted } = this.#verdict;
    redacted.count += 1;
    if (redacted.first.length < 100) redacted.first.push(position);
  }

  #firstUnsaid(): Integrity | null {
    const [position] = this.#unsaid; // a Set is read in the order of the trail
    if (position === undefined) return null;
    const reason = `the free text of entry ${position} is gone, and no entry says that it was redacted`;
    return { kind: 'tampered', position, through: position, code: 'missing', reason };
  }

  #atTheEnd(): void {
    const { until } = this.#verdict;
    if (this.#blocks === null)
      this.#bad ??= {
        kind: 'unreadable',
        code: 'not-json',
        reason: 'the file ends in its first line: it is cut',
      };
    else if (this.#next <= until)
      this.#found(
        'truncated',
        `the file ends before entry ${this.#next}, and should go on to ${until}: it is cut`,
      );
    else if (this.#lines.pending > 0) this.#bad ??= this.#more();
    this.#bad ??= this.#firstUnsaid();
  }

  /** After the last byte. */
  finish(): RangeVerdict {
    this.#atTheEnd();
    if (this.#bad !== null) return { ...this.#verdict, integrity: this.#bad };
    const runs = this.#runs.verdict();
    const { missing } = this.#runs;
    const completeness: Completeness =
      missing === null ? { kind: runs.open > 0 ? 'open' : 'complete' } : { kind: 'incomplete', ...missing };
    return { ...this.#verdict, runs, completeness };
  }
}
