import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Digest } from '@millwright/domain';
import { deploy, retire } from '../deploy/deploy.ts';
import type { Journal } from '../deploy/effect.ts';
import { rollback } from '../deploy/rollback.ts';
import type { ReleaseRef, RunConfig } from '../targets/target.ts';
import { clock, openTarget } from './stand.ts';

// A process that deploys or rolls back, and kills itself (SIGKILL) at the n-th journal event, `delayMs` later: as the factory would
// be killed. Prints its result when it lives to the end.

export type ChildOrder = {
  factory: string;
  dataDir: string;
  verb: 'deploy' | 'rollback';
  release: ReleaseRef;
  live: ReleaseRef | null;
  run: RunConfig;
  fence: number;
  killAt: number;
  delayMs: number;
};

const order: ChildOrder = JSON.parse(process.argv[2] ?? '{}');
const layers = new Map<Digest, Uint8Array>();
for (const ref of [order.release, order.live])
  if (ref !== null)
    layers.set(Digest.parse(ref.layer), await readFile(join(order.dataDir, ref.layer.replace(':', '-'))));

let events = 0;
const event = async () => {
  events += 1;
  if (events !== order.killAt) return;
  if (order.delayMs === 0) process.kill(process.pid, 'SIGKILL');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), order.delayMs);
};
const journal: Journal = { started: event, finished: event };
const target = openTarget({ factory: order.factory, dataDir: order.dataDir, layers });
const { release, live, run, fence } = order;
const result =
  order.verb === 'deploy'
    ? await deploy(target, { release, live, run, fence, journal, clock })
    : await rollback(target, { to: release, run, fence, journal, clock });
if (order.verb === 'deploy' && result.kind === 'promoted')
  await retire(target, {
    release: release.id,
    keep: live === null ? [release.id] : [release.id, live.id],
    fence,
    journal,
  });
process.stdout.write(JSON.stringify({ events, kind: result.kind }));
