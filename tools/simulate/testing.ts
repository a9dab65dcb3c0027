import { expect } from 'vitest';
import { drive } from './drive.ts';
import { planOf } from './plan.ts';
import { shrink } from './shrink.ts';

/** How many drives `npm test` does: some 80 s of a core, in two files so that two cores share them. */
export const SEEDS = Number(process.env.MILLWRIGHT_SIMULATED_SEEDS ?? 1_000);

/** Nothing that has to hold breaks in these drives, and all comes to rest. Throws with the one command that does it again, shrunk. */
export async function allHold(from: number, to: number): Promise<void> {
  const ends = new Map<string, number>();
  for (let seed = from; seed <= to; seed += 1) {
    const plan = planOf(seed);
    const { broken, ends: its } = await drive(plan);
    for (const end of its) ends.set(end, (ends.get(end) ?? 0) + 1);
    if (broken === null) continue;
    const { faults, tickets } = await shrink(plan, broken.invariant);
    const again = `npm run simulate -- --seed ${seed} --faults=${faults.join(',')} --tickets ${tickets}`;
    expect.fail(`${broken.invariant}: ${broken.what}\nagain: ${again}`);
  }
  // Otherwise it all holds for want of trying.
  expect([...ends.keys()]).toEqual(expect.arrayContaining(['done', 'failed']));
}
