import { createHash, randomBytes } from 'node:crypto';
import {
  type Bundle,
  type BundleEntry,
  canonicalBytes,
  checkpointText,
  consistencySpans,
  formatNote,
  GrowingTree,
  generateKey,
  IN_TOTO,
  inclusionSpans,
  leafHash,
  type Node,
  payloadDigest,
  proofOf,
  RANGE_FORMAT,
  rangeHeaderLine,
  rangeLine,
  rangeNodes,
  readPayload,
  type SignerKey,
  signEnvelope,
  signText,
  toBase64,
} from '@millwright/audit/proof';
import { Envelope } from '@millwright/domain';

/** A factory's trail in memory, as its HTTP API hands it out: honest, unless a test makes it lie. */
export class StandInLog {
  readonly signer: SignerKey;
  entries: BundleEntry[] = [];
  #nodes = new Map<string, Uint8Array>();
  #tree = new GrowingTree();
  #roots = [this.#tree.root()];

  constructor(signer: SignerKey = generateKey('factory.test/trail', 'note').signer) {
    this.signer = signer;
  }

  append(stream: string, type: string, data: unknown): void {
    const [salt, bytes] = [randomBytes(16), canonicalBytes(data)];
    const envelope = Envelope.parse({
      v: 1,
      position: this.entries.length + 1,
      stream,
      version: this.entries.filter((one) => one.envelope.stream === stream).length + 1,
      type,
      actor: 'orchestrator',
      at: 1_700_000_000_000,
      payloadDigest: payloadDigest(salt, bytes),
    });
    const payload = { salt: toBase64(salt), text: Buffer.from(bytes).toString() };
    this.entries.push({ envelope, payload, proof: [] });
    this.#tree.append(leafHash(envelope), (level, index, hash) => this.#nodes.set(`${level}/${index}`, hash));
    this.#roots.push(this.#tree.root());
  }

  #hashOf = ({ level, index }: Node): Uint8Array => this.#nodes.get(`${level}/${index}`) ?? Buffer.alloc(32);

  /** Appends the entry of an attested change, and gives back the envelope's line. */
  attest(stream: string, commit: string): string {
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'git', digest: { gitCommit: commit } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {},
    };
    const envelope = signEnvelope(IN_TOTO, canonicalBytes(statement), this.signer);
    const line = Buffer.from(canonicalBytes(envelope)).toString();
    const attestation = `sha256:${createHash('sha256').update(line).digest('hex')}`;
    this.append(stream, 'change.attested', { commit, attestation, key: this.signer.name });
    return line;
  }

  checkpoint(size = this.entries.length): { size: number; note: string; at: number } {
    const root = this.#roots[size] ?? Buffer.alloc(32);
    const text = checkpointText({ origin: this.signer.name, size, root, extensions: [] });
    return { size, note: formatNote({ text, signatures: [signText(text, this.signer)] }), at: 1 };
  }

  consistency(from: number, to: number): string[] {
    return proofOf(consistencySpans(from, to), this.#hashOf).map(toBase64);
  }

  /** As `GET /trail/range` answers it. */
  range(since: number, until: number): string {
    const [size, level] = [this.entries.length, 2];
    const header = rangeHeaderLine({
      ...{ format: RANGE_FORMAT, v: 1, since, until, level, rotations: [], redactions: [] },
      checkpoint: this.checkpoint().note,
      keys: { [this.signer.name]: [this.signer.vkey] },
      nodes: rangeNodes({ since, until, level }, size).map((node) => toBase64(this.#hashOf(node))),
    });
    const lines = this.entries
      .slice(since, until)
      .map(({ envelope, payload }) => rangeLine(envelope, readPayload(payload) ?? null));
    return header + lines.join('');
  }

  bundle(run: string): Bundle {
    const size = this.entries.length;
    const entries = this.entries.map((one) => ({
      ...one,
      proof: proofOf(inclusionSpans(one.envelope.position - 1, size), this.#hashOf).map(toBase64),
    }));
    const keys = { [this.signer.name]: [this.signer.vkey] };
    return {
      format: 'millwright-trail-bundle',
      v: 1,
      run,
      checkpoint: this.checkpoint().note,
      keys,
      entries,
      rotations: [],
    };
  }

  /** What GET on this path answers; null: 404. */
  answer(url: URL): unknown {
    const number = (name: string) => Number(url.searchParams.get(name) ?? 0);
    const size = this.entries.length;
    switch (url.pathname) {
      case '/v1/trail/key':
        return {
          ...{ vkey: this.signer.vkey, origin: this.signer.name, rotations: [] },
          state: { kind: 'sealing', size },
        };
      case '/v1/trail/checkpoint':
        return size > number('after') ? this.checkpoint() : null;
      case '/v1/trail/consistency':
        return {
          ...{ from: number('from'), to: number('to') },
          proof: this.consistency(number('from'), number('to')),
        };
      case '/v1/trail/log': {
        const page = this.entries.slice(number('after'), number('after') + Math.min(number('limit'), 10));
        const last = number('after') + page.length;
        return {
          entries: page.map(({ envelope, payload }) => ({ envelope, payload })),
          checkpoints: last === size && page.length > 0 ? [this.checkpoint()] : [],
          head: size,
          sealed: size,
        };
      }
      default:
        return null;
    }
  }
}
