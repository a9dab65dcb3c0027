import { type RangeVerdict } from '@millwright/audit/proof';
/** The verdict on the range in the file at `path`. Rejects where that cannot be read. Memory: a few chunks a thread, beside a verifier's. */
export declare function verifyRange(
  path: string,
  vkeys: readonly string[] | 'own',
  options?: {
    readonly threads?: number;
    readonly chunkBytes?: number;
  },
): Promise<RangeVerdict>;
