import type { Actor, Entry, StreamId } from '@millwright/domain';
import type { Factory } from '../factory.ts';
import { appendWith } from './append.ts';

/** Appends what a person says, whatever the stream's version is now. */
export async function appendAs(
  factory: Factory,
  stream: StreamId,
  { actor }: { actor: Actor },
  entry: Entry,
): Promise<number> {
  return (await appendWith(factory, stream, actor, () => entry)) ?? 0;
}
