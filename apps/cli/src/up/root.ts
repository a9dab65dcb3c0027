import { dirname, join, resolve } from 'node:path';

/** The checkout that this CLI belongs to. */
export const ROOT = resolve(dirname(import.meta.filename), '../../../..');

/** Where Node keeps compiled programs, for every process of this checkout. The launcher and the set-up name the same folder. */
export const COMPILE_CACHE = join(ROOT, 'node_modules', '.cache', 'millwright');
