import { deploy, retire } from '../deploy/deploy.ts';
import type { DeployOrder, DeployResult } from '../deploy/order.ts';
import type { ReleaseRef } from '../targets/target.ts';
import { clock, memoryJournal, type Stand } from './stand.ts';

/** A stand for one test, so that tests of a file may run at the same time. */
export type Within = {
  readonly at: Stand;
  readonly v1: ReleaseRef;
  forward(
    release: ReleaseRef,
    live: ReleaseRef | null,
    fence: number,
    more?: Partial<DeployOrder>,
  ): Promise<DeployResult>;
  /** What users get. */
  answer(path?: string): Promise<string>;
};

export const withStand =
  (stand: () => Promise<Stand>, body: (within: Within) => Promise<void>) => async (): Promise<void> => {
    const at = await stand();
    try {
      const v1 = await at.release('v1', { version: 'one' });
      const forward: Within['forward'] = async (release, live, fence, more = {}) => {
        const order = { release, live, run: at.run(), fence, journal: memoryJournal(), clock, ...more };
        const result = await deploy(at.target, order);
        const keep = live === null ? [release.id] : [release.id, live.id];
        if (result.kind === 'promoted') await retire(at.target, { ...order, release: release.id, keep });
        return result;
      };
      const answer = async (path = '/') => {
        const address = `http://127.0.0.1:${at.port}${path}`;
        return (await fetch(address, { headers: { connection: 'close' } })).text();
      };
      await body({ at, v1, forward, answer });
    } finally {
      await at.close();
    }
  };
