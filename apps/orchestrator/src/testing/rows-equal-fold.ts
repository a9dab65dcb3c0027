import { Fold } from '@millwright/domain';
import { expect } from 'vitest';
import { Register, Registered } from '../streams/register.ts';
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

/** All that anybody decides on, of each repository. */
const decidedOn = (registered: Registered, { runs, releases }: Fold) =>
  registered.repositories().map((name) => ({
    repository: registered.repository(name),
    open: new Map(registered.open(name).map((run) => [run.id, run])),
    queue: registered.queue(name),
    quarantine: registered.quarantine(name),
    runs: [...runs.keys()].map((id) => {
      const run = registered.run(id);
      if (run === undefined) return null;
      const { repo, ticket, ticketDigest, author, config, merge, deploy, closed } = run;
      return {
        id,
        repo,
        ticket,
        ticketDigest,
        author,
        config,
        merge,
        deploy,
        closed,
        kind: registered.kindOf(run),
      };
    }),
    releases: [...releases.keys()].map((release) => {
      const { id, run, repo, artifact, builtAt } = registered.release(release) ?? {};
      return { id, run, repo, artifact, builtAt };
    }),
  }));

/**
 * The rows, filled a few entries at a time, hold what one fold over the whole trail holds; and whoever decides reads the same, whether from the
 * streams as they grew or from what counts of them now.
 */
export async function expectRowsEqualFold({
  trail,
  readModel,
  register,
  views,
}: Pick<ScriptedFactory['factory'], 'trail' | 'readModel' | 'register' | 'views'>): Promise<void> {
  await readModel.reached(await trail.head());
  const { fold, position } = await readModel.rows('all');
  const whole = new Fold();
  let at = 0;
  const upTo = async (end: number) => {
    while (at < end) {
      const batch = await trail.readAll(at, Math.min(1_000, end - at));
      for (const one of batch) whole.fold(one);
      at += batch.length;
    }
  };
  await upTo(position);
  expect(await readModel.parked()).toEqual([]);
  expect(told(fold)).toEqual(told(whole));
  // What is kept of it in memory is what the rows call open, in whichever order.
  for (;;) {
    const open = await readModel.rows('open');
    if (open.position !== views.position) continue;
    expect({ ...told(views.open), order: [] }).toEqual({ ...told(open.fold), order: [] });
    break;
  }
  for (;;) {
    const end = await trail.head();
    const grown = await register.look();
    const anew = await new Register(trail).look();
    await upTo(end);
    // All three of one trail: whatever is appended meanwhile, they are asked again.
    if ((await trail.head()) !== end) continue;
    const expected = decidedOn(new Registered(whole), whole);
    const read = [decidedOn(grown, whole), decidedOn(anew, whole)];
    expect(read).toEqual([expected, expected]);
    return;
  }
}
