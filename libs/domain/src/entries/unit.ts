import type { z } from 'zod';
import { UnitName } from '../ids.ts';
import { e, reason } from './form.ts';

/** `unit/<name>`. Which repositories are of it is on their own streams: a repository is of one unit at a time. */
export const unitEntries = [e('unit.added', { unit: UnitName, reason })] as const;
export type UnitEntry = z.infer<(typeof unitEntries)[number]>;
