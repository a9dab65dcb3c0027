import '../no-eval.ts';
import {
  parseVerifierKey,
  type Rotation,
  readPayload,
  type TrailEntry,
  type TrailVerdict,
  TrailVerifier,
} from '@millwright/audit/proof';

// Checks a trail beside the page, so that it goes on answering. What is carried here was made by whoever is not believed.

export type Carried =
  | { kind: 'begin'; keys: readonly string[]; rotations: readonly Rotation[]; earlier: readonly string[] }
  | {
      kind: 'page';
      entries: readonly { envelope: TrailEntry['envelope']; payload: unknown }[];
      checkpoints: readonly { size: number; note: string }[];
    }
  /** Signed on so many entries, and there are fewer. */
  | { kind: 'end'; missing: number | null };
export type Answered = { kind: 'read'; done: boolean } | { kind: 'verdict'; verdict: TrailVerdict };

let verifier: TrailVerifier | null = null;
const answer = (said: Answered) => postMessage(said);

addEventListener('message', ({ data }: MessageEvent<Carried>) => {
  if (data.kind === 'begin') {
    const keys = data.keys.flatMap((vkey) => parseVerifierKey(vkey) ?? []);
    verifier = new TrailVerifier({ keys, rotations: data.rotations, earlier: data.earlier });
    return answer({ kind: 'read', done: verifier.done });
  }
  if (verifier === null) return;
  if (data.kind === 'page') {
    for (const { size, note } of data.checkpoints) verifier.checkpoint(size, note);
    // What is no payload is as good as none.
    for (const { envelope, payload } of data.entries)
      verifier.entry({ envelope, payload: readPayload(payload) ?? null });
    return answer({ kind: 'read', done: verifier.done });
  }
  if (data.missing !== null) verifier.checkpoint(data.missing, '');
  answer({ kind: 'verdict', verdict: verifier.finish() });
});
