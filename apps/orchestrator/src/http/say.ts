import type { Entry, StreamId } from '@millwright/domain';
import type { Factory } from '../drive/factory.ts';
import { HttpProblem } from './problem.ts';
import type { Who } from './who.ts';

/** People's names by id: they lie outside the trail. */
export async function namesOf(factory: Factory): Promise<Map<string, string>> {
  return new Map((await factory.store.people.list()).map((person) => [person.id as string, person.name]));
}

/** Appends to a stream that only people write to, whatever its version is now. */
export async function say(factory: Factory, stream: StreamId, who: Who, entry: Entry): Promise<number> {
  for (let tries = 0; tries < 20; tries += 1) {
    const version = (await factory.trail.read(stream)).at(-1)?.envelope.version ?? 0;
    const appended = await factory.trail.append({
      stream,
      expectedVersion: version,
      actor: who.actor,
      entries: [entry],
    });
    if (appended.kind === 'appended') {
      await factory.world.reached(appended.position);
      return appended.position;
    }
    if (appended.kind === 'refused') throw new HttpProblem(500, 'trail-refused', appended.reason);
  }
  throw new HttpProblem(503, 'busy', 'others are writing; try again');
}
