import Docker from 'dockerode';
import { isAlive, removeFromEngine } from '../demo/clean-up.ts';

// What tests left on the engine that were stopped before they could clean up. Their factories are named by the process that they run in.

const OF_A_TEST = /^(?:test-(?:[a-z]+-)?|fac_test)(\d+)(?:[x-]|$)/;

/** The factories among these labels that belong to tests whose process is gone. */
export function deadTests(factories: Iterable<string>, alive: (pid: number) => boolean): string[] {
  return [...new Set(factories)].filter((factory) => {
    const pid = OF_A_TEST.exec(factory)?.[1];
    return pid !== undefined && !alive(Number(pid));
  });
}

/** Removes what dead tests left; the names of their factories. */
export async function sweepTests(): Promise<string[]> {
  const engine = new Docker();
  const filters = { label: ['millwright.factory'] };
  const [containers, networks, { Volumes }] = await Promise.all([
    engine.listContainers({ all: true, filters }),
    engine.listNetworks({ filters }),
    engine.listVolumes({ filters }),
  ]);
  const labels = [...containers, ...networks, ...(Volumes ?? [])].map((one) => one.Labels);
  const dead = deadTests(
    labels.flatMap((each) => each?.['millwright.factory'] ?? []),
    isAlive,
  );
  for (const factory of dead) await removeFromEngine(factory);
  return dead;
}
