import { join } from 'node:path';
import { Digest, ReleaseId } from '@millwright/domain';
import { readOurs, writeDurably } from '../../durable.ts';
import type { ReleaseRef } from '../target.ts';
import type { Names } from './place.ts';

// Which image each release is, by the engine's content address, written when it was made of checked bytes. A tag is a name that anybody on
// the engine can give to another image: what is started, and what is taken for the release while it runs, is the image of this record.

export type Kept = {
  readonly release: ReleaseId;
  readonly layer: Digest;
  readonly base: string;
  readonly id: string;
};

const pathOf = (names: Names) => join(names.folder, 'images.json');

export const readKept = (names: Names): Promise<readonly Kept[]> =>
  readOurs<readonly Kept[]>(pathOf(names), [], (text) =>
    JSON.parse(text).map((each: Record<keyof Kept, unknown>) => ({
      release: ReleaseId.parse(each.release),
      layer: Digest.parse(each.layer),
      base: String(each.base),
      id: Digest.parse(each.id),
    })),
  );

/** The caller holds the target's lock. */
export const writeKept = (names: Names, kept: readonly Kept[]): Promise<void> =>
  writeDurably(pathOf(names), JSON.stringify(kept), 0o600);

/** Made of the same bytes on the same base. */
export const isOf = ({ layer, base }: Kept, release: ReleaseRef): boolean =>
  layer === release.layer && base === release.image;
