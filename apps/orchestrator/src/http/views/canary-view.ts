import type { CanaryView } from '@millwright/api';
import type { Clock, Fold, ReleaseInfo } from '@millwright/domain';
import { type CanaryState, type DeployConfig, getJson, RepoConfig } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Deployments } from '../../releases/deployments.ts';

type Ports = { clock: Clock; deployments: Deployments; store: Store };

/** The newest canary of a release as people watch it, with the proxy's figures while it is under way; null before it has traffic. */
export async function canaryOfRelease(
  factory: Ports,
  fold: Fold,
  info: ReleaseInfo,
  names: ReadonlyMap<string, string>,
): Promise<CanaryView | null> {
  const { canaries, canary, live } = fold.target(info.repo);
  const state = canaries.findLast((one) => one.release === info.id);
  if (state === undefined) return null;
  const run = fold.run(info.run);
  if (run === undefined) return null;
  const { deploy } = await getJson(factory.store.artifacts, RepoConfig, run.config);
  if (deploy === undefined) return null;
  const figures = state.ended === null ? await factory.deployments.canaryFigures(info.repo, info.id) : null;
  const said = state.ended === null && canary?.release === info.id ? canary.paused : null;
  const paused =
    said !== null && said.until > factory.clock.now() ? { ...said, by: names.get(said.by) ?? said.by } : null;
  return canaryView(state, deploy, live !== null && live !== info.id, { figures, paused });
}

/** `beside`: another release serves, so that the traffic can be shared. */
function canaryView(
  state: CanaryState,
  config: DeployConfig,
  beside: boolean,
  { figures, paused }: Pick<CanaryView, 'figures' | 'paused'>,
): CanaryView {
  const { release, percent, startedAt, ended } = state;
  const had = state.steps.map((step) => step.percent);
  const planned = beside && config.target === 'docker' ? [...config.canary.steps, 100] : [100];
  const steps = [
    ...new Set([...had, ...(ended === null ? planned.filter((one) => one > Math.max(0, ...had)) : [])]),
  ].sort((a, b) => a - b);
  const now = state.steps.at(-1);
  const { bake } = config.canary;
  const stepEndsAt =
    ended !== null || now === undefined || now.at === null
      ? null
      : Math.max(now.until ?? now.at + bake, paused?.until ?? 0);
  const left = now === undefined ? steps.length : steps.filter((one) => one > now.percent).length;
  return {
    release,
    percent,
    step: now === undefined ? 1 : steps.indexOf(now.percent) + 1,
    steps,
    verdict: now?.verdict ?? 'watching',
    reason: now?.reason ?? '',
    needs: now?.needs ?? null,
    until: now?.until ?? null,
    paused,
    stepEndsAt,
    endsAt: stepEndsAt === null ? null : stepEndsAt + left * bake,
    figures,
    history: state.steps.map((step) => ({
      percent: step.percent,
      at: step.at,
      verdict: step.verdict ?? 'watching',
      reason: step.reason,
    })),
    startedAt,
    ended,
  };
}
