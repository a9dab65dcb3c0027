import type { Actor, Digest, Envelope, StreamId } from '@millwright/domain';
import {
  type Bundle,
  type BundleEntry,
  canonicalBytes,
  checkpointText,
  consistencySpans,
  cosign,
  formatNote,
  GrowingTree,
  generateKey,
  inclusionSpans,
  leafHash,
  type Node,
  type Payload,
  payloadDigest,
  proofOf,
  RANGE_FORMAT,
  type RangeHeader,
  rangeLine,
  rangeNodes,
  type SignerKey,
  signText,
  toBase64,
  writtenPayload,
} from '../index.ts';

export type Kept = { envelope: Envelope } & Payload;

/** A trail in memory with its tree and its key: what bundles, proofs and checkpoints of tests are made of. */
export class Ledger {
  readonly entries: Kept[] = [];
  readonly signer: SignerKey;
  readonly origin: string;
  readonly #tree = new GrowingTree();
  readonly #nodes = new Map<string, Uint8Array>();
  readonly #roots = [this.#tree.root()];

  constructor(origin = 'factory.example/trail', signer: SignerKey = generateKey(origin, 'note').signer) {
    this.origin = origin;
    this.signer = signer;
  }

  /** `said`: free text that lies apart, at `/reason`. */
  append(stream: string, type: string, data: object, said?: string): Envelope {
    const version = this.entries.filter((one) => one.envelope.stream === stream).length + 1;
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const words =
      said === undefined
        ? null
        : { salt: crypto.getRandomValues(new Uint8Array(16)), bytes: canonicalBytes([said]) };
    const bytes = canonicalBytes(
      words === null
        ? data
        : { ...data, $words: payloadDigest(words.salt, words.bytes), '$words.at': ['/reason'] },
    );
    const envelope: Envelope = {
      v: 1,
      position: this.entries.length + 1,
      stream: stream as StreamId,
      version,
      type,
      actor: 'orchestrator' as Actor,
      at: 1_700_000_000_000 + this.entries.length,
      payloadDigest: payloadDigest(salt, bytes) as Digest,
    };
    this.entries.push({ envelope, salt, bytes, words });
    this.#tree.append(leafHash(envelope), (level, index, hash) => this.#nodes.set(`${level}/${index}`, hash));
    this.#roots.push(this.#tree.root());
    return envelope;
  }

  #hashOf = ({ level, index }: Node): Uint8Array => {
    const hash = this.#nodes.get(`${level}/${index}`);
    if (hash === undefined) throw new Error(`no node ${level}/${index}`);
    return hash;
  };

  root(size: number): Uint8Array {
    const root = this.#roots[size];
    if (root === undefined) throw new Error(`no tree of ${size}`);
    return root;
  }

  /** Signed by the ledger's key (or another), and cosigned. */
  checkpoint(
    size = this.entries.length,
    options: { by?: SignerKey; witness?: SignerKey; at?: number } = {},
  ): string {
    const text = checkpointText({ origin: this.origin, size, root: this.root(size), extensions: [] });
    const signatures = [signText(text, options.by ?? this.signer)];
    if (options.witness) signatures.push(cosign(text, options.witness, options.at ?? 1_700_000_100));
    return formatNote({ text, signatures });
  }

  consistency(from: number, to: number): Uint8Array[] {
    return proofOf(consistencySpans(from, to), this.#hashOf);
  }

  item(position: number, size = this.entries.length): BundleEntry {
    const kept = this.entries[position - 1];
    if (kept === undefined) throw new Error(`no entry ${position}`);
    const { envelope, ...payload } = kept;
    return {
      envelope,
      payload: writtenPayload(payload),
      proof: proofOf(inclusionSpans(position - 1, size), this.#hashOf).map(toBase64),
    };
  }

  /** A range as it is exported: its header, and a line for each entry. `later`: redactions after it. */
  range(since: number, until: number, options: { size?: number; level?: number; later?: number[] } = {}) {
    const { size = this.entries.length, level = 2, later = [] } = options;
    const header: RangeHeader = {
      format: RANGE_FORMAT,
      v: 1,
      since,
      until,
      checkpoint: this.checkpoint(size),
      keys: { [this.origin]: [this.signer.vkey] },
      rotations: [],
      level,
      nodes: rangeNodes({ since, until, level }, size).map((node) => toBase64(this.#hashOf(node))),
      redactions: later.map((position) => this.item(position, size)),
    };
    const lines = this.entries
      .slice(since, until)
      .map(({ envelope, ...payload }) => rangeLine(envelope, payload));
    return { header, lines };
  }

  bundle(
    run: string | null,
    wanted: (envelope: Envelope) => boolean,
    checkpoint = this.checkpoint(),
  ): Bundle {
    const items = this.entries.map(({ envelope }) => envelope);
    return {
      format: 'millwright-trail-bundle',
      v: 1,
      run,
      checkpoint,
      keys: { [this.origin]: [this.signer.vkey] },
      entries: items.filter(wanted).map(({ position }) => this.item(position)),
      rotations: items
        .filter((one) => one.type === 'factory.key-rotated')
        .map(({ position }) => this.item(position)),
    };
  }
}
