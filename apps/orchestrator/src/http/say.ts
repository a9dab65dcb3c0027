import type { Entry, StreamId } from '@millwright/domain';
import { appendTo } from '../drive/append.ts';
import type { Factory } from '../drive/factory.ts';
import type { Who } from './who.ts';

/** People's names by id: they lie outside the trail. */
export async function namesOf(factory: Factory): Promise<Map<string, string>> {
  return new Map((await factory.store.people.list()).map((person) => [person.id as string, person.name]));
}

/** Appends what a person says, whatever the stream's version is now. */
export async function say(factory: Factory, stream: StreamId, who: Who, entry: Entry): Promise<number> {
  return (await appendTo(factory, stream, who.actor, () => entry)) ?? 0;
}
