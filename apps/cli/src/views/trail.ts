import type { TrailLine } from '@millwright/domain';
import { clock } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { table } from '../text/table.ts';

/** An account a person can read: position, time, who, and what happened in words. Streams and digests are in `--json`. */
export function trailShow(look: Look, lines: readonly TrailLine[], now: number): string[] {
  if (lines.length === 0) return ['No entries there.'];
  return table(
    look,
    [
      { title: 'position', align: 'right' },
      { title: 'at' },
      { title: 'who', shrinkTo: 10 },
      { title: 'what' },
      { title: 'account', shrinkTo: 20 },
    ],
    lines.map((line) => [
      { text: String(line.position), paint: look.colour.dim },
      { text: clock(line.at, now), paint: look.colour.dim },
      oneLine(line.actorName ?? line.actor),
      { text: line.type, paint: look.colour.cyan },
      oneLine(line.text),
    ]),
  );
}
