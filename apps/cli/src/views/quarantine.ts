import type { QuarantineView } from '@millwright/api';
import { ago, short } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { table } from '../text/table.ts';

const BY = {
  canary: 'it was taken back in its canary',
  rollback: 'a rollback left it',
  denied: 'it was merged and not let out',
} as const;

export function quarantineList(look: Look, all: readonly QuarantineView[], now: number): string[] {
  if (all.length === 0) return ['Nothing is in quarantine.'];
  return table(
    look,
    [
      { title: 'commit', spare: 2 },
      { title: 'release' },
      { title: 'repo', spare: 1 },
      { title: 'why' },
      { title: 'ticket', spare: 3 },
      { title: 'since', align: 'right' },
    ],
    all.map((one) => [
      short(one.commit),
      one.release,
      one.repo,
      BY[one.by],
      one.tickets.join(', '),
      { text: ago(one.at, now), paint: look.colour.dim },
    ]),
  );
}
