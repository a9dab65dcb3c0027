import { type Driven, drive, type Mutant } from './drive.ts';
import type { Plan } from './plan.ts';

/** The plan with these of its faults alone, and so many of its tickets. */
export const cut = (plan: Plan, faults: readonly number[], tickets = plan.tickets.length): Plan => ({
  ...plan,
  tickets: plan.tickets.slice(0, tickets),
  faults: plan.faults.filter((_, nth) => faults.includes(nth)),
});

export type Shrunk = { faults: number[]; tickets: number; driven: Driven };

/** As little as still breaks the same: faults are left out one by one, then tickets, until nothing can be. */
export async function shrink(plan: Plan, broken: string, mutant: Mutant = {}): Promise<Shrunk> {
  let faults = plan.faults.map((_, nth) => nth);
  let tickets = plan.tickets.length;
  let driven = await drive(plan, mutant);
  const breaks = async (some: readonly number[], count: number): Promise<boolean> => {
    const tried = await drive(cut(plan, some, count), mutant);
    if (tried.broken?.invariant !== broken) return false;
    driven = tried;
    return true;
  };
  for (let less = true; less; ) {
    less = false;
    for (const fault of faults) {
      const rest = faults.filter((one) => one !== fault);
      if (!(await breaks(rest, tickets))) continue;
      faults = rest;
      less = true;
    }
    if (tickets > 1 && (await breaks(faults, tickets - 1))) {
      tickets -= 1;
      less = true;
    }
  }
  return { faults, tickets, driven };
}
