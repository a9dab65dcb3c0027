import { setImmediate as others } from 'node:timers/promises';
import type { RunnerTrail } from '@millwright/audit';
import {
  type Artifacts,
  Entry,
  type KnownSecrets,
  mapFreeText,
  maskBytes,
  type SecretFinder,
} from '@millwright/domain';

// A runner knows no secret's value, and finds it all the same (libs/domain, secret-values.ts). What it stores goes through here: JSON artifacts
// and entries by their free text; turns and snapshots where they are made (turn-log.ts); a change is refused (secrets-in-patch.ts, secrets-in-binaries.ts).

/** The artifacts, whose JSON has known values masked in its free text. */
export const maskedArtifacts = (artifacts: Artifacts, known: KnownSecrets): Artifacts => ({
  put: (bytes) => artifacts.put(bytes),
  get: (digest) => artifacts.get(digest),
  has: (digest) => artifacts.has(digest),
  ...(artifacts.stream === undefined ? {} : { stream: artifacts.stream }),
  mask: async () => (await known.now()).mask,
});

/** The trail, whose entries have known values masked in their free text. */
export const maskedTrail = <T extends Pick<RunnerTrail, 'stream'>>(trail: T, known: KnownSecrets): T => ({
  ...trail,
  stream: (claim) => {
    const stream = trail.stream(claim);
    return {
      ...stream,
      append: async (actor, entries) => {
        const { mask } = await known.now();
        return stream.append(
          actor,
          entries.map((entry) => mapFreeText(Entry, entry, mask)),
        );
      },
    };
  },
});

/** Read at once: a snapshot can be large (measured 0.2 s a MiB), and a runner that is silent for ten seconds counts as hung. */
const PART = 262_144;
/** As long as a value may be. What is longer in the form it is written in is found but where two parts meet. */
const OVERLAP = 65_536;

/** Bytes with `x` for each byte of a secret, by format and by value: the length stays, so that an archive stays one. */
export async function maskedBytes(bytes: Uint8Array, known: KnownSecrets): Promise<Uint8Array> {
  let masked = maskBytes(bytes);
  for await (const { start, end } of spansIn(bytes, await known.now())) {
    if (masked === bytes) masked = Buffer.from(bytes);
    masked.fill(0x78, start, end);
  }
  return masked;
}

/** The places of known values in bytes; one that lies where two parts meet may come twice. */
export async function* spansIn(
  bytes: Uint8Array,
  known: SecretFinder,
): AsyncGenerator<ReturnType<SecretFinder['find']>[number]> {
  const read = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let from = 0; from < read.length; from += PART) {
    for (const { start, end, name } of known.find(read.toString('latin1', from, from + PART + OVERLAP)))
      yield { start: from + start, end: from + end, name };
    await others();
  }
}
