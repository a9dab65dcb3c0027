import { randomBytes } from 'node:crypto';
import type { Workspace } from '@millwright/domain';

/** Unpacks a tar of our own into a workspace, from its root. Why it could not, or null. */
export async function unpackIn(
  workspace: Pick<Workspace, 'exec' | 'write'>,
  tar: Uint8Array,
  signal?: AbortSignal,
): Promise<string | null> {
  const parcel = `.${randomBytes(9).toString('hex')}`;
  const written = await workspace.write(parcel, Buffer.from(tar).toString('base64'));
  if (written.kind === 'refused') return written.reason;
  const unpacked = await workspace.exec(
    `base64 -d ${parcel} > /tmp/${parcel} && rm ${parcel} && tar -xf /tmp/${parcel} && rm /tmp/${parcel}`,
    { timeoutMs: 60_000, maxBytes: 4_096, ...(signal === undefined ? {} : { signal }) },
  );
  if (unpacked.kind === 'exited' && unpacked.exitCode === 0) return null;
  return `the checks' files could not be put in place: ${unpacked.kind === 'gone' ? unpacked.reason : unpacked.output}`;
}
