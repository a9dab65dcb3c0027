import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Digest, ReleaseId } from '@millwright/domain';

/** What a command target remembers of itself: who has it, and what it had before. What runs is asked of the `status` command. */
export type CommandRecord = {
  readonly fence: number;
  readonly condemned: ReleaseId | null;
  /** Releases brought there, with what is needed to bring them again; the newest last. */
  readonly known: readonly { readonly id: ReleaseId; readonly layer: Digest; readonly image: string }[];
  /** Releases that had traffic once: going to one of them is going back. */
  readonly served: readonly ReleaseId[];
};
export const NO_RECORD: CommandRecord = { fence: 0, condemned: null, known: [], served: [] };

/** Throws on a record that is not ours: nothing is guessed. */
export async function readRecord(path: string): Promise<CommandRecord> {
  try {
    const { fence, condemned, known, served } = JSON.parse(await readFile(path, 'utf8'));
    return {
      fence: Number(fence),
      condemned: condemned === null ? null : ReleaseId.parse(condemned),
      known: known.map((each: { id: string; layer: string; image: string }) => ({
        id: ReleaseId.parse(each.id),
        layer: Digest.parse(each.layer),
        image: String(each.image),
      })),
      served: served.map((id: string) => ReleaseId.parse(id)),
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NO_RECORD;
    throw new Error(`${path} was not written by the factory; move it away and deploy again`, {
      cause: error,
    });
  }
}

/** Durable and atomic: written beside, synced, renamed. */
export async function writeRecord(path: string, record: CommandRecord): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(record));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
