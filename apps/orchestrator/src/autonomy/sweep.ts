import { AFTER_CRITICAL, earnedRaise, NO_AUTONOMY, repositoryStream } from '@millwright/domain';
import type { Settings } from '../settings.ts';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import { demoteAfterCritical } from './demote.ts';

type Ports = { register: Register; settings: Settings; streams: Streams };

/**
 * What follows for autonomy from what the trail says, whoever was killed before it was drawn: a target that the factory had to freeze holds
 * its repository down as long as it is frozen, and a kind of change whose releases served since it fell is proposed for a raise.
 */
export async function drawAutonomy(factory: Ports): Promise<void> {
  const { streams, settings } = factory;
  const registered = await factory.register.look();
  for (const repo of registered.repositories()) {
    const { frozen } = await streams.target(repo).look();
    if (frozen?.by === 'factory' && (registered.repository(repo)?.step ?? 0) > AFTER_CRITICAL)
      await demoteAfterCritical(factory, repo, 'stuck', frozen.release);
    const info = registered.repository(repo) ?? NO_AUTONOMY;
    for (const [kind, { proposed }] of info.lost) {
      const raise = proposed ? null : earnedRaise(info, kind, settings.raiseAfter);
      if (raise === null) continue;
      const data = { repo, kind, ...raise, runs: [...raise.runs] };
      await streams.appendShown(repositoryStream(repo), ORCHESTRATOR, () => ({
        type: 'autonomy.raise-proposed',
        data,
      }));
    }
  }
}
