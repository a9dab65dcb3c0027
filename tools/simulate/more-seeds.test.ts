import { test } from 'vitest';
import { allHold, SEEDS } from './testing.ts';

const HALF = Math.floor(SEEDS / 2);

test(`seeds ${HALF + 1} to ${SEEDS}: nothing that has to hold breaks, and all comes to rest`, async () => {
  await allHold(HALF + 1, SEEDS);
}, 600_000);
