import { z } from 'zod';
import { UnitName } from '../ids.ts';
import { e, reason } from './form.ts';

/** `unit/<name>`. Which repositories are of it is on their own streams: a repository is of one unit at a time. */
export const unitEntries = [
  e('unit.added', { unit: UnitName, reason }),
  /** Cedar's text, which forbids and never permits: beside the factory's policy and a repository's, for every repository of the unit. Null: none. */
  e('unit.policy-set', { unit: UnitName, policy: z.string().min(1).max(32_768).nullable(), reason }),
] as const;
export type UnitEntry = z.infer<(typeof unitEntries)[number]>;
