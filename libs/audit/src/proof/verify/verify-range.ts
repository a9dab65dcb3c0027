import { Buffer } from '#platform';
import {
  blocksOf,
  MAX_HEADER_BYTES,
  MAX_LINE_BYTES,
  type ReadHeader,
  rangeNodes,
  readRangeHeader,
} from '../export/range.ts';
import { moreAfter, type Part, readPart, type Said, type Stretch } from '../export/range-part.ts';
import { openCheckpoint } from '../log/checkpoint.ts';
import { parseVerifierKey, type VerifierKey } from '../log/keys.ts';
import { countLines, Lines, NEWLINE } from '../log/lines.ts';
import { redactedBy } from '../log/payloads.ts';
import { InclusionChecker } from '../log/proofs.ts';
import { keysAfter } from '../log/rotation.ts';
import { EMPTY_ROOT, GrowingTree, nodesOf } from '../log/tree.ts';
import { Runs, type RunsVerdict } from './runs.ts';
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
  readonly header: ReadHeader;
  readonly #nodes: { first: number; last: number; hash: Uint8Array }[];
  #tree = new GrowingTree();
  #at = 0;

  constructor(header: ReadHeader) {
    this.header = header;
    const before = nodesOf(0, header.since).length;
    this.#nodes = blocksOf(header).map((node, i) => {
      const width = 2 ** node.level;
      const hash = header.nodes[before + i] ?? EMPTY_ROOT;
      return { first: node.index * width + 1, last: (node.index + 1) * width, hash };
    });
  }

  /** The first entry of the block that is being read; after the last, none. */
  get first(): number {
    return this.#nodes[this.#at]?.first ?? Number.POSITIVE_INFINITY;
  }

  /** The next node, which lies in one block. The block that it completes, and whether that is as it was sealed. */
  add(level: number, node: Uint8Array): { first: number; last: number; sealed: boolean } | null {
    const block = this.#nodes[this.#at];
    if (block === undefined) throw new RangeError('no block has another entry');
    this.#tree.appendNode(level, node);
    if (this.#tree.size < block.last - block.first + 1) return null;
    const sealed = Buffer.compare(this.#tree.root(), block.hash) === 0;
    this.#tree = new GrowingTree();
    this.#at += 1;
    return { ...block, sealed };
  }
}

type Tampered = Extract<Integrity, { kind: 'tampered' }>;

/** Takes the bytes of a file in order (`push`), and judges them (`finish`). Never throws; memory is that of a line, a block, and the names of the runs' streams. */
export class RangeVerifier {
  readonly #vkeys: readonly string[] | 'own';
  readonly #lines = new Lines();
  readonly #unsaid = new Set<number>();
  #said: ReadonlySet<number | null> = new Set();
  #blocks: Blocks | null = null;
  /** The last entry whose line was taken, and the next that is to be followed. */
  #taken = 0;
  #next = 1;
  #tooLong: string | null = null;
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
    return this.#bad !== null || this.#tooLong !== null;
  }

  /** The next bytes. They are not kept. */
  push(chunk: Buffer): void {
    const stretch = this.take(chunk);
    if (stretch !== null) this.follow(readPart(stretch));
  }

  /**
   * The first half of `push`: the complete lines of entries among the next bytes, for `readPart`, which may be done in another thread. What that
   * makes of them goes to `follow`, in the order in which they were taken. Null: no line is complete, or nothing more is worth reading.
   */
  take(chunk: Buffer): Stretch | null {
    if (this.done) return null;
    let bytes = this.#lines.complete(chunk);
    if (this.#blocks === null && bytes.length > 0) {
      const end = bytes.indexOf(NEWLINE);
      this.#open(bytes.toString('utf8', 0, end));
      bytes = bytes.subarray(end + 1);
    }
    const first = this.#taken + 1;
    this.#taken += countLines(bytes);
    const header = this.#blocks === null;
    if (this.#lines.pending > (header ? MAX_HEADER_BYTES : MAX_LINE_BYTES))
      this.#tooLong = `${header ? 'the first line' : `the line of entry ${this.#taken + 1}`} is longer than any can be`;
    const { until, level } = this.#blocks?.header ?? { until: 0, level: 0 };
    return this.#bad !== null || bytes.length === 0 ? null : { bytes, first, until, level };
  }

  #open(line: string): void {
    const read = readRangeHeader(line);
    this.#bad = read.kind === 'read' ? this.#trusted(read.header) : read;
    if (read.kind !== 'read' || this.#bad !== null) return;
    const { header } = read;
    this.#said = new Set(header.redactions.map(({ envelope, payload }) => redactedBy(envelope, payload)));
    this.#blocks = new Blocks(header);
    this.#taken = header.since;
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
  #found({ code, reason }: { code: string; reason: string }): void {
    const at = this.#suspect ?? { position: this.#next, code, reason };
    const [position, through] = [this.#blocks?.first ?? at.position, at.position];
    this.#bad ??= { kind: 'tampered', position, through, code: at.code, reason: at.reason };
  }

  /** The second half of `push`: what `readPart` made of what was taken. */
  follow({ first, entries, nodes, said, suspect, stop }: Part): void {
    const blocks = this.#blocks;
    if (this.#bad !== null || blocks === null) return;
    this.#suspect ??= suspect === null ? null : { kind: 'tampered', through: suspect.position, ...suspect };
    const since = first - 1;
    for (const [i, { level }] of nodesOf(since, since + entries, blocks.header.level).entries()) {
      const block = blocks.add(level, nodes.subarray(32 * i, 32 * i + 32));
      this.#next += 2 ** level;
      if (block !== null) this.#judge(block);
      if (this.#bad !== null) break;
    }
    for (const one of said) {
      if (one.position >= this.#next) break;
      this.#hear(one);
    }
    this.#verdict.entries = this.#next - 1 - this.#verdict.since;
    if (this.#bad !== null || stop === null) return;
    if (stop.code === 'more') this.#bad = { kind: 'unreadable', code: 'malformed', reason: stop.reason };
    else this.#found(stop);
  }

  /** A block is complete: whatever is wrong in it is known by now. */
  #judge({ first, last, sealed }: { first: number; last: number; sealed: boolean }): void {
    const suspect = this.#suspect !== null && this.#suspect.position <= last ? this.#suspect : null;
    const reason = `entries ${first} to ${last} are not those that were sealed: one was changed`;
    if (sealed) this.#bad = suspect;
    else
      this.#bad = {
        ...{ kind: 'tampered', position: first, code: 'changed', reason },
        through: suspect?.position ?? last,
      };
  }

  #hear(said: Said): void {
    if (said.kind === 'reached') this.#runs.reach(said.stream, said.from, said.to, said.position);
    else if (said.kind === 'closed') this.#runs.close(said.run, said.streams);
    else if (said.kind === 'erased') {
      if (this.#unsaid.delete(said.of)) this.#redacted(said.of);
    } else if (this.#said.has(said.position)) this.#redacted(said.position);
    else {
      this.#unsaid.add(said.position);
      if (this.#unsaid.size > MAX_UNSAID) this.#bad ??= this.#firstUnsaid();
    }
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
    const reason = this.#tooLong ?? 'the file ends in its first line: it is cut';
    if (this.#tooLong !== null) this.#bad ??= { kind: 'unreadable', code: 'too-large', reason };
    else if (this.#blocks === null) this.#bad ??= { kind: 'unreadable', code: 'not-json', reason };
    else if (this.#next <= until)
      this.#found({
        code: 'truncated',
        reason: `the file ends before entry ${this.#next}, and should go on to ${until}: it is cut`,
      });
    else if (this.#lines.pending > 0)
      this.#bad ??= { kind: 'unreadable', code: 'malformed', reason: moreAfter(until) };
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
