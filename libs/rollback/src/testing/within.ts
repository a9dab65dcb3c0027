import { deploy } from '../deploy.ts';
import type { DeployOrder, DeployResult } from '../order.ts';
import type { ReleaseRef } from '../target.ts';
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
      const forward: Within['forward'] = (release, live, fence, more = {}) =>
        deploy(at.target, { release, live, run: at.run(), fence, journal: memoryJournal(), clock, ...more });
      const answer = async (path = '/') => {
        const address = `http://127.0.0.1:${at.port}${path}`;
        return (await fetch(address, { headers: { connection: 'close' } })).text();
      };
      await body({ at, v1, forward, answer });
    } finally {
      await at.close();
    }
  };
