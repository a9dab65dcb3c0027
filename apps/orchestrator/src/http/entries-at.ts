import type { OpenTrail } from '@millwright/audit';
import type { RecordedEntry } from '@millwright/domain';
import type { LineAt, ReadModel, TrailFilter } from '@millwright/read-model';
import { problem } from './problem.ts';

type Ports = { readModel: ReadModel; trail: OpenTrail };

/** As many as one answer is made of. */
const MOST = 50_000;

/** Every entry that a filter names, up to a position, with whose it is; throws a problem where there are too many for one answer. */
export async function entriesAt(
  { readModel, trail }: Ports,
  filter: TrailFilter,
  through: number,
): Promise<{ recorded: RecordedEntry; at: LineAt }[]> {
  const page = { after: 0, before: through + 1, limit: MOST + 1, newest: false };
  const lines = await readModel.trailPage(filter, page);
  if (lines.length > MOST)
    throw problem('too-much', `more than ${MOST} entries would have to be read`, 'ask for a later beginning');
  const found: { recorded: RecordedEntry; at: LineAt }[] = [];
  while (found.length < lines.length) {
    // As many as fit; one at least.
    const wanted = lines.slice(found.length, found.length + 2_000);
    const part = await trail.readAt(wanted.map(({ position }) => position));
    for (const [nth, at] of wanted.slice(0, part.length).entries())
      found.push({ recorded: part[nth] as RecordedEntry, at });
  }
  return found;
}
