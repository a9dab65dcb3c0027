import type { DoctorLine } from '@millwright/api';
import type { Api } from './api.ts';

/** Where repositories are connected to: a line each. */
export const connectionLines = ({ factory, outside }: Pick<Api, 'factory' | 'outside'>): DoctorLine[] =>
  [...factory.views.open.repos.values()].flatMap(({ repo, place }): DoctorLine[] => {
    if (place === null) return [];
    const delay = outside.delayOf(repo);
    return [
      {
        id: `place ${repo}`,
        ok: delay === null,
        text: delay === null ? `${place.project} on ${place.kind} is followed` : delay.reason.slice(0, 1_000),
        fix: delay === null ? null : { acts: [{ act: 'check-connection', repo }] },
      },
    ];
  });
