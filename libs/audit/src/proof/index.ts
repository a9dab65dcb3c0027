// What a verifier needs, without the factory, a database or the network. Pure: hashing and signatures are all it has of the outside.
export {
  type AttestationsVerdict,
  attestationsNamed,
  MAX_ATTESTATIONS_BYTES,
  verifyAttestations,
} from './attestations.ts';
export { fromBase64, toBase64 } from './base64.ts';
export {
  type Bundle,
  type BundleEntry,
  MAX_BUNDLE_BYTES,
  readBundle,
  readPayload,
  writtenPayload,
} from './bundle.ts';
export {
  type Checkpoint,
  checkCosignature,
  checkpointText,
  cosign,
  type Opened,
  openCheckpoint,
  parseCheckpointText,
} from './checkpoint.ts';
export {
  IN_TOTO,
  keyidOf,
  openEnvelope,
  signEnvelope,
} from './dsse.ts';
export {
  canonicalBytes,
  canonicalText,
  checkPayload,
  leafHash,
  type Payload,
  payloadDigest,
} from './entry.ts';
export {
  EVIDENT,
  type EvidencePack,
  type EvidenceVerdict,
  evidencePack,
  FRAMEWORKS,
  SUPPORTING,
  verifyEvidence,
} from './evidence.ts';
export { evidenceMarkdown } from './evidence-markdown.ts';
export {
  generateKey,
  parseSignerKey,
  parseVerifierKey,
  type SignerKey,
  type VerifierKey,
} from './keys.ts';
export { formatNote, parseNote, type Signature, signText } from './note.ts';
export { redactedBy, saidBy } from './payloads.ts';
export {
  checkConsistency,
  checkInclusion,
  consistencySpans,
  inclusionSpans,
  nodesOfSpans,
  proofOf,
} from './proofs.ts';
export {
  levelOf,
  MAX_HEADER_BYTES,
  RANGE_FORMAT,
  RANGE_START,
  type RangeHeader,
  rangeHeaderLine,
  rangeLine,
  rangeNodes,
} from './range.ts';
export { type Part, readPart, type Stretch } from './range-part.ts';
export { checkRotation, keysAfter, type Rotation, rotation } from './rotation.ts';
export { fold, GrowingTree, type Node, nodeHash, nodesOf } from './tree.ts';
export { type BundleVerdict, type Completeness, type Integrity, verifyBundle } from './verify-bundle.ts';
export { type RangeVerdict, RangeVerifier } from './verify-range.ts';
export {
  type TrailEntry,
  type TrailVerdict,
  TrailVerifier,
} from './verify-trail.ts';
export {
  formatSignatureLines,
  judge,
  parseSignatureLines,
  parseSubmission,
  type Submission,
  type Witnessed,
  type WitnessVerdict,
} from './witness.ts';
