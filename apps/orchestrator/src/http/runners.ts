import type { Act, Next, RunView } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import { type Halt, haltOf, RunnerSaid } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Forward } from '../streams/forward.ts';

type Ports = { forward: Forward; store: Store; trail: OpenTrail };

export const NO_RUNNER: Next = {
  hint: 'start one: npm start, or docker-compose up --detach --no-deps folders sandbox-runner',
  acts: [],
};

/** What the runners that live said of themselves, by name. */
export async function livingRunners({ store, trail }: Pick<Ports, 'store' | 'trail'>): Promise<RunnerSaid[]> {
  const said = (await store.notes.list('runner/')).map(({ text }) => RunnerSaid.parse(JSON.parse(text)));
  const alive = await Promise.all(said.map(({ incarnation }) => trail.isAlive(incarnation)));
  return said.filter((_, nth) => alive[nth]);
}

/** The same, each with the halt that drains it; null: it takes work. */
export async function takers(factory: Ports): Promise<(RunnerSaid & { drain: Halt | null })[]> {
  const [living, halts] = await Promise.all([livingRunners(factory), factory.forward.halts()]);
  const drains = halts.filter(({ scope }) => scope.kind === 'runner');
  const none = { action: 'stage', repo: null, unit: null, model: null } as const;
  return living.map((said) => ({ ...said, drain: haltOf(drains, { ...none, runner: said.name }) }));
}

/** Why a stage that nobody has taken yet waits, where that is for want of a runner; and what helps. */
export async function waitsForRunner(
  factory: Ports,
  { stages, endedAt, stop }: RunView,
): Promise<{ text: string; next: Next } | null> {
  const stage = endedAt === null && stop === null && stages.find(({ state }) => state === 'waiting');
  if (!stage) return null;
  const waits = `its ${stage.kind} waits for a runner`;
  const runners = await takers(factory);
  if (runners.length === 0) return { text: `${waits}, and none is there`, next: NO_RUNNER };
  const open = runners.filter(({ drain }) => drain === null);
  if (open.length === 0) {
    const acts = runners.flatMap(({ drain }): Act[] =>
      drain ? [{ act: 'resume', scope: drain.scope }] : [],
    );
    return { text: `${waits}, and all of them are drained`, next: { acts } };
  }
  const places = open.reduce((sum, { concurrency }) => sum + concurrency, 0);
  const held = (await factory.trail.heldClaims()).filter((claim) =>
    open.some(({ incarnation }) => incarnation === claim.incarnation),
  );
  return held.length < places
    ? null
    : { text: `${waits}: all ${places} places are taken`, next: { acts: [{ act: 'list-runners' }] } };
}
