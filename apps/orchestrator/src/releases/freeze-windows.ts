import {
  type Actor,
  type Clock,
  freezesOf,
  getJson,
  type Instant,
  RepoConfig,
  type RepoName,
  type Run,
  targetStream,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import { windowAt } from '../source-control/freeze-windows.ts';
import type { Streams } from '../streams/streams.ts';

/** Who begins and ends a freeze window on the trail. */
const WINDOWS = 'schedule/freeze-window' as Actor;

type Ports = { clock: Pick<Clock, 'now'>; store: Pick<Store, 'artifacts'>; streams: Streams };

/**
 * Asked before a run merges or deploys: says on the trail that a freeze window of its file has begun, where it has, and until when. What is
 * asked next, whether the target is frozen, finds it. Null: it is in none.
 */
export async function beginWindow(factory: Ports, run: Run): Promise<{ until: Instant } | null> {
  const { deploy } = await getJson(factory.store.artifacts, RepoConfig, run.config);
  const open = windowAt(deploy?.freezeWindows ?? [], factory.clock.now());
  if (open === null) return null;
  const reason = `until ${new Date(open.until).toISOString()}, as millwright.yaml says: ${open.reason}`;
  await factory.streams.appendShown(targetStream(run.repo), WINDOWS, () => ({
    type: 'target.window-began',
    data: { until: open.until, reason },
  }));
  return open;
}

/** A window that is over is said to be, and what waited for it goes on. */
export async function endWindow(factory: Omit<Ports, 'store'>, repo: RepoName): Promise<void> {
  const { frozen, window } = await factory.streams.target(repo).look();
  if (window > factory.clock.now() || !freezesOf(frozen).some(({ by }) => by === 'schedule')) return;
  await factory.streams.appendShown(targetStream(repo), WINDOWS, () => ({
    type: 'target.window-ended',
    data: { until: window },
  }));
}
