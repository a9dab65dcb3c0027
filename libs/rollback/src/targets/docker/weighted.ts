import { type Failure, failure } from '../../outcome.ts';
import type { Server } from '../../proxy/config.ts';
import { serverName, weightOf } from '../../proxy/config.ts';
import type { Weights } from '../target.ts';
import type { Found } from './containers.ts';

/** Servers at the addresses that their containers have now: an engine that restarted gives others. Pure. */
export function readdressed(onRecord: readonly Server[], found: readonly Found[]): Server[] {
  return onRecord.map((server) => {
    const now = found.find((each) => each.release === server.release && each.replica === server.replica);
    return now?.running && now.address !== null ? { ...server, address: now.address } : server;
  });
}

/**
 * The servers that `weights` asks for. Releases on record that are not named keep their place with weight 0. Addresses are the engine's,
 * or those on record when it cannot be asked (`found` null) or the containers are just being restarted. Pure.
 */
export function weighted(
  onRecord: readonly Server[],
  found: readonly Found[] | null,
  weights: Weights,
): Server[] | Failure {
  const next = new Map(
    onRecord.map((each) => [serverName(each.release, each.replica), { ...each, weight: 0 }]),
  );
  for (const [release, percent] of weights) {
    const running = (found ?? []).flatMap(({ address, ...each }) =>
      each.release === release && each.running && address !== null ? [{ ...each, address }] : [],
    );
    const known = found === null || found.some((each) => each.release === release);
    const up = running.length > 0 ? running : onRecord.filter((each) => known && each.release === release);
    if (up.length === 0 && percent > 0)
      return failure('release_missing', `release ${release} has no running container to send traffic to`);
    for (const { replica, address, port } of up)
      next.set(serverName(release, replica), {
        release,
        replica,
        address,
        port,
        weight: weightOf(percent, up.length),
      });
  }
  return [...next.values()];
}
