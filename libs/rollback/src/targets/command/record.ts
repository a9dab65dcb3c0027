import { Digest, ReleaseId } from '@millwright/domain';
import { readOurs, writeDurably } from '../../durable.ts';

/** What a command target remembers of itself: who has it, and what it had before. What runs is asked of the `status` command. */
export type CommandRecord = {
  readonly fence: number;
  readonly condemned: ReleaseId | null;
  /** Releases brought there, with what is needed to bring them again; the newest last. */
  readonly known: readonly { readonly id: ReleaseId; readonly layer: Digest; readonly image: string }[];
  /** Releases that had traffic once: going to one of them is going back. */
  readonly served: readonly ReleaseId[];
};
const NO_RECORD: CommandRecord = { fence: 0, condemned: null, known: [], served: [] };

export const readRecord = (path: string): Promise<CommandRecord> =>
  readOurs(path, NO_RECORD, (text) => {
    const { fence, condemned, known, served } = JSON.parse(text);
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
  });

export const writeRecord = (path: string, record: CommandRecord): Promise<void> =>
  writeDurably(path, JSON.stringify(record), 0o600);
