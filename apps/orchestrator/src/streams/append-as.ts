import type { OpenTrail } from '@millwright/audit';
import type { Actor, Entry, StreamId } from '@millwright/domain';
import type { World } from '../views/world.ts';
import { appendWith } from './append.ts';

type Ports = { trail: OpenTrail; world: World };

/** Appends what a person says, whatever the stream's version is now. */
export async function appendAs(
  factory: Ports,
  stream: StreamId,
  { actor }: { actor: Actor },
  entry: Entry,
): Promise<number> {
  return (await appendWith(factory, stream, actor, () => entry)) ?? 0;
}
