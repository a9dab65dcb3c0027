// What a verifier needs, without the factory, a database or the network. Pure: hashing and signatures are all it has of the outside.
export {
  type AttestationsVerdict,
  attestationsNamed,
  MAX_ATTESTATIONS_BYTES,
  verifyAttestations,
} from './attest/attestations.ts';
export {
  IN_TOTO,
  keyidOf,
  openEnvelope,
  signEnvelope,
} from './attest/dsse.ts';
export { fromBase64, toBase64 } from './base64.ts';
export {
  type Bundle,
  type BundleEntry,
  MAX_BUNDLE_BYTES,
  readBundle,
  readPayload,
  writtenPayload,
} from './export/bundle.ts';
export {
  EVIDENT,
  type EvidencePack,
  type EvidenceVerdict,
  evidencePack,
  FRAMEWORKS,
  SUPPORTING,
  verifyEvidence,
} from './export/evidence.ts';
export { evidenceMarkdown } from './export/evidence-markdown.ts';
export {
  levelOf,
  MAX_HEADER_BYTES,
  RANGE_FORMAT,
  RANGE_START,
  type RangeHeader,
  rangeHeaderLine,
  rangeLine,
  rangeNodes,
} from './export/range.ts';
export { type Part, readPart, type Stretch } from './export/range-part.ts';
export {
  type Checkpoint,
  checkCosignature,
  checkpointText,
  cosign,
  type Opened,
  openCheckpoint,
  parseCheckpointText,
} from './log/checkpoint.ts';
export {
  canonicalBytes,
  canonicalText,
  checkPayload,
  leafHash,
  type Payload,
  payloadDigest,
} from './log/entry.ts';
export {
  generateKey,
  parseSignerKey,
  parseVerifierKey,
  type SignerKey,
  type VerifierKey,
} from './log/keys.ts';
export { formatNote, parseNote, type Signature, signText } from './log/note.ts';
export { redactedBy, saidBy } from './log/payloads.ts';
export {
  checkConsistency,
  checkInclusion,
  consistencySpans,
  inclusionSpans,
  nodesOfSpans,
  proofOf,
} from './log/proofs.ts';
export { checkRotation, keysAfter, type Rotation, rotation } from './log/rotation.ts';
export { fold, GrowingTree, type Node, nodeHash, nodesOf } from './log/tree.ts';
export {
  formatSignatureLines,
  judge,
  parseSignatureLines,
  parseSubmission,
  type Submission,
  type Witnessed,
  type WitnessVerdict,
} from './log/witness.ts';
export {
  type BundleVerdict,
  type Completeness,
  type Integrity,
  verifyBundle,
} from './verify/verify-bundle.ts';
export { type RangeVerdict, RangeVerifier } from './verify/verify-range.ts';
export {
  type TrailEntry,
  type TrailVerdict,
  TrailVerifier,
} from './verify/verify-trail.ts';
