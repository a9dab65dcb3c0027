import { terminal } from '@millwright/domain';
import type { Sql } from '../connect.ts';
import { checkRotation, parseCheckpointText, parseNote, type SignerKey } from '../proof/index.ts';
import { latestCheckpoint, openOwn, rotationsOn } from './checkpoints.ts';
import type { KeyFolder } from './key-folder.ts';
import { resumeTree, rootAt, type StoredTree } from './nodes.ts';

// A log must never sign what contradicts a checkpoint that it has signed. So whoever becomes the sealer first looks whether what is
// stored is what was signed: by the database's last checkpoint, and by the one that the key's folder remembers, which somebody
// who rewrote the database or restored an old backup has not got. All refusals are terminal DriveErrors; nothing is sealed then.

/** A checkpoint that was handed out, and where it lies, for people. */
export type Published = { place: string; note: string };
export type Resumed = { signer: SignerKey; tree: StoredTree };

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

async function signerOf(sql: Sql, keys: KeyFolder, origin: string, first: boolean): Promise<SignerKey> {
  const rotations = (await rotationsOn(sql)).filter((one) => checkRotation(one) !== null);
  const current = rotations.at(-1)?.next;
  // Killed between the entry and the exchange of files, a rotation is finished here.
  const pending = await keys.pending();
  if (pending !== null && pending.vkey === current) await keys.take();
  const found = await keys.signer();
  if (found === null && !first)
    throw terminal(
      'key-missing',
      'there are checkpoints, but the key that signed them is not here; bring back the key folder',
    );
  const signer = found ?? (await keys.create(origin));
  if (signer.name !== origin)
    throw terminal('other-origin', `the key here is of ${signer.name}, and this trail is ${origin}`);
  if (current !== undefined && current !== signer.vkey)
    throw terminal(
      'key-rotated',
      `the key was rotated to ${current}, which is not here; copy the key folder of who rotated it`,
    );
  return signer;
}

/** What was handed out, where it was put: a checkpoint that this trail does not go on from was signed by this factory, in a time that the trail knows nothing of. */
async function goesOnFromPublished(
  sql: Sql,
  signer: SignerKey,
  { place, note }: Published,
  sealed: number,
): Promise<void> {
  const opened = await openOwn(sql, note, [signer]);
  const parsed = parseNote(note);
  const checkpoint = parsed.kind === 'note' ? parseCheckpointText(parsed.note.text) : null;
  // Whatever else lies there was not handed out by this factory.
  if (checkpoint?.origin !== signer.name || opened.kind === 'bad-signature') return;
  const knowingly = `To go on knowingly, take it away from there (witnesses and whoever kept it will refuse this trail)`;
  if (opened.kind !== 'opened')
    throw terminal(
      'trail-rolled-back',
      `${place} has a checkpoint of ${checkpoint.size} entries of this trail, under a key that it knows nothing of: an older backup was restored. ${knowingly}`,
    );
  if (checkpoint.size > sealed)
    throw terminal(
      'trail-rolled-back',
      `${place} has a checkpoint of ${checkpoint.size} entries of this trail, and the database knows of ${sealed}: an older backup was restored. ${knowingly}`,
    );
  if (!equal(checkpoint.root, await rootAt(sql, checkpoint.size)))
    throw terminal(
      'trail-forked',
      `${place} has a checkpoint of ${checkpoint.size} entries, and this is not the trail that it was signed on. ${knowingly}`,
    );
}

/** Throws terminal 'key-missing', 'key-rotated', 'other-origin', 'trail-rolled-back', 'trail-forked', 'trail-tampered', 'trail-gap'. */
export async function resume(
  sql: Sql,
  keys: KeyFolder,
  origin: string,
  published: readonly Published[] = [],
): Promise<Resumed> {
  const last = await latestCheckpoint(sql);
  const signer = await signerOf(sql, keys, origin, last === null);
  const remembered = await keys.last();
  const own = remembered === null ? null : await openOwn(sql, remembered, [signer]);
  if (own !== null && own.kind !== 'opened')
    throw terminal(
      'key-malformed',
      `the checkpoint that the key folder remembers does not hold: ${own.reason}`,
    );
  const before = own?.checkpoint ?? { size: 0, root: null };
  if (before.size > (last?.size ?? 0))
    throw terminal(
      'trail-rolled-back',
      `a checkpoint of ${before.size} entries was signed, and the database knows of ${last?.size ?? 0}: an older backup was restored. ` +
        "Restore the newest; to go on from the older one knowingly, remove 'checkpoint' from the key folder (witnesses will refuse it)",
    );
  for (const one of published) await goesOnFromPublished(sql, signer, one, last?.size ?? 0);
  if (last === null) return { signer, tree: await resumeTree(sql, 0) };
  const opened = await openOwn(sql, last.note, [signer]);
  if (opened.kind !== 'opened')
    throw terminal('trail-tampered', `the last checkpoint does not hold: ${opened.reason}`);
  const { size, root, origin: theirs } = opened.checkpoint;
  const tree = await resumeTree(sql, last.size);
  if (size !== last.size || theirs !== origin || !equal(root, tree.root()))
    throw terminal('trail-tampered', 'what is stored is not what the last checkpoint was signed on');
  if (before.root !== null && !equal(before.root, await rootAt(sql, before.size)))
    throw terminal('trail-forked', `the trail is not the one whose first ${before.size} entries were signed`);
  return { signer, tree };
}
