import { dirname, resolve } from 'node:path';

/** The checkout that this CLI belongs to. */
export const ROOT = resolve(dirname(import.meta.filename), '../../../..');
