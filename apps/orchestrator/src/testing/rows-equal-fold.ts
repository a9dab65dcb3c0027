import { Fold } from '@millwright/read-model';
import { expect } from 'vitest';
import type { ScriptedFactory } from './scripted-factory.ts';

const told = (fold: Fold) => ({
  ...{ repos: fold.repos, tickets: fold.tickets, runs: fold.runs, attempts: fold.attempts },
  ...{ releases: fold.releases, targets: fold.targets, budgets: fold.budgets, capSetAt: fold.capSetAt },
  order: [fold.repos, fold.tickets, fold.runs, fold.attempts, fold.releases, fold.targets].map((map) => [
    ...map.keys(),
  ]),
  effects: fold.effects.list(),
  started: fold.effects.started,
  quarantine: new Map(fold.quarantines.all().filter(([, held]) => held.length > 0)),
});

/** The rows, filled a few entries at a time, hold what one fold over the whole trail holds. */
export async function expectRowsEqualFold({
  trail,
  readModel,
}: Pick<ScriptedFactory['factory'], 'trail' | 'readModel'>): Promise<void> {
  await readModel.reached(await trail.head());
  const { fold, position } = await readModel.fold();
  const whole = new Fold();
  for (let at = 0; at < position; ) {
    const batch = await trail.readAll(at, Math.min(1_000, position - at));
    for (const one of batch) whole.fold(one);
    at += batch.length;
  }
  expect(await readModel.parked()).toEqual([]);
  expect(told(fold)).toEqual(told(whole));
}
