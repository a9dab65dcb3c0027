import type { Act, Next, RunView } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import { labelsOf, type Run, VERSION } from '@millwright/domain';
import type { Store } from '@millwright/store';
import { needsOf } from '../runs/needs.ts';
import { type LivingRunner, type Runners, takesWork } from '../streams/runners.ts';

export const NO_RUNNER: Next = {
  hint: 'start one: npm start, or docker-compose up --detach --no-deps folders sandbox-runner',
  acts: [],
};

/** What helps where a runner is of another version than its factory. */
export const ANOTHER_VERSION: Next = {
  hint: `bring it to version ${VERSION}, as this orchestrator is, and start it again; it keeps nothing back: what it had goes on with others`,
  acts: [],
};

/** Why none of the runners that live takes what needs these labels, and what helps. */
export function noTaker(
  runners: readonly LivingRunner[],
  needs: readonly string[],
): { text: string; next: Next } {
  if (runners.length === 0) return { text: 'none is there', next: NO_RUNNER };
  const fit = runners.filter((one) => needs.every((label) => labelsOf(one).has(label)));
  if (fit.length === 0) {
    const missing = needs.filter((label) => runners.every((one) => !labelsOf(one).has(label)));
    const which = missing.length > 0 ? missing.join(' or ') : `${needs.join(' and ')} together`;
    return {
      text: `millwright.yaml asks for ${needs.join(', ')}, and no runner that is there has ${which}`,
      next: {
        hint: `start a runner with MILLWRIGHT_RUNNER_LABELS=${needs.join(',')}, or take what no runner has out of runner.labels in millwright.yaml`,
        acts: [{ act: 'list-runners', to: 'to see what each has' }],
      },
    };
  }
  const open = fit.filter(({ version }) => version === VERSION);
  const [other] = fit;
  if (open.length === 0)
    return {
      text: `all that fit are of another version (${other?.name}: ${other?.version}; this factory: ${VERSION})`,
      next: ANOTHER_VERSION,
    };
  const acts = open.flatMap(({ drain }): Act[] => (drain ? [{ act: 'resume', scope: drain.scope }] : []));
  return { text: 'all that fit are drained', next: { acts } };
}

/** Why a stage that was given out, and that nobody has taken yet, waits, where that is for want of a runner; and what helps. */
export async function waitsForRunner(
  factory: { runners: Runners; store: Store; trail: OpenTrail },
  { stages, endedAt, stop }: RunView,
  run: Run,
): Promise<{ text: string; next: Next } | null> {
  const stage = endedAt === null && stop === null && stages.find(({ state }) => state === 'waiting');
  if (!stage) return null;
  const waits = `its ${stage.kind} waits for a runner`;
  const needs = await needsOf(factory, run);
  const runners = await factory.runners.look();
  const fit = runners.filter((one) => takesWork(one) && needs.every((label) => labelsOf(one).has(label)));
  if (fit.length === 0) {
    const { text, next } = noTaker(runners, needs);
    return { text: `${waits}: ${text}`, next };
  }
  const places = fit.reduce((sum, { concurrency }) => sum + concurrency, 0);
  const held = (await factory.trail.heldClaims()).filter((claim) =>
    fit.some(({ incarnation }) => incarnation === claim.incarnation),
  );
  return held.length < places
    ? null
    : { text: `${waits}: all ${places} places are taken`, next: { acts: [{ act: 'list-runners' }] } };
}
