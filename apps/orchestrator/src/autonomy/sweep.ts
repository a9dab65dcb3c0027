import { AFTER_CRITICAL, earnedRaise, repositoryStream } from '@millwright/domain';
import type { Settings } from '../settings.ts';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { Streams } from '../streams/streams.ts';
import type { World } from '../views/world.ts';
import { loseAfterCritical } from './demote.ts';

type Ports = { settings: Settings; streams: Streams; world: World };

/**
 * What follows for autonomy from what the trail says, whoever was killed before it was drawn: a target that the factory had to freeze holds
 * its repository down as long as it is frozen, and a kind of change whose releases served since it fell is proposed for a raise.
 */
export async function drawAutonomy(factory: Ports): Promise<void> {
  const { world, settings } = factory;
  for (const [repo, { frozen }] of world.targets)
    if (frozen?.by === 'factory' && (world.repo(repo)?.step ?? 0) > AFTER_CRITICAL)
      await loseAfterCritical(factory, repo, 'stuck', frozen.release);
  for (const [repo, info] of world.repos)
    for (const [kind, { proposed }] of info.lost) {
      const raise = proposed ? null : earnedRaise(info, kind, settings.raiseAfter);
      if (raise === null) continue;
      const data = { repo, kind, ...raise, runs: [...raise.runs] };
      await factory.streams.appendShown(repositoryStream(repo), ORCHESTRATOR, () => ({
        type: 'autonomy.raise-proposed',
        data,
      }));
    }
}
