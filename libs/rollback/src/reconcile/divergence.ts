import type { Probe, ReleaseRef, RunConfig, TargetState } from '../targets/target.ts';

/** What the trail says a target should be. */
export type Desired = {
  readonly release: ReleaseRef;
  readonly run: RunConfig;
  /** The fence under which it was released: a later deploy or rollback has the target, and is left alone. */
  readonly fence: number;
};

export type Divergence =
  | { readonly kind: 'proxy'; readonly text: string }
  | { readonly kind: 'replicas'; readonly text: string }
  | { readonly kind: 'sick'; readonly text: string }
  | { readonly kind: 'traffic'; readonly text: string };

/** How a target differs from what is desired, in the order it is healed. Pure; `probes` may be empty where nothing of it runs. */
export function divergences(
  state: TargetState,
  probes: readonly Probe[],
  { release, run }: Desired,
): Divergence[] {
  const found: Divergence[] = [];
  if (state.proxy !== 'up') found.push({ kind: 'proxy', text: `the proxy is ${state.proxy}` });
  const replicas = state.releases.find((each) => each.id === release.id)?.replicas ?? [];
  const running = replicas.filter((each) => each.running && each.genuine).length;
  const foreign = replicas.filter((each) => each.running && !each.genuine).length;
  if (running < run.replicas)
    found.push({
      kind: 'replicas',
      text: `${running} of ${run.replicas} replicas of ${release.id} run${foreign === 0 ? '' : `, ${foreign} from an image that is not its own`}`,
    });
  const sick = probes.filter((each) => !each.ok);
  if (running >= run.replicas && sick.length > 0)
    found.push({ kind: 'sick', text: `${release.id} does not answer well: ${sick[0]?.text ?? ''}` });
  const share = state.serving.get(release.id) ?? 0;
  if (state.proxy === 'up' && (share < 99.9 || state.serving.size !== 1)) {
    const others = [...state.serving]
      .filter(([id]) => id !== release.id)
      .map(([id, percent]) => `${id} ${percent} %`);
    const rest = others.length === 0 ? '' : `, ${others.join(', ')}`;
    found.push({ kind: 'traffic', text: `${release.id} has ${share} % of traffic${rest}` });
  }
  return found;
}
