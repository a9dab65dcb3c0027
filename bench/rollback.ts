import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTrail, type WritableTrail } from '@millwright/audit';
import type { OwnPostgres } from '@millwright/store/testing';
import { clock } from './programs/clock.ts';
import { ours } from './rollback/ours.ts';
import { type Fault, service } from './rollback/service.ts';
import { type Swarm, swarm } from './rollback/swarm.ts';
import { type Seen, users, window } from './rollback/users.ts';
import { type Row, single } from './row.ts';

// A bad release under steady load, beside Docker Swarm with the same image, service and fault: how long users saw it, and how many requests
// failed. One replica each; Swarm's monitor and our bake are 5 s.

const CANARY = { steps: [20, 100], bake: 5_000 };
const PROMOTED = { steps: [100], bake: 300, minRequests: 0 };
const GOOD: Fault = { name: 'good' };
/** How long Swarm is watched for a rollback that does not come. */
const WATCH_MS = 30_000;

const NEVER: Fault = { name: 'never-healthy', sick: true, errors: 1 };
const ERRORS: Fault = { name: 'all-errors', errors: 1, after: 2_000 };
const ALONE: readonly (readonly [string, Fault])[] = [
  ['(c) 5 % fail', { name: 'five-percent', errors: 0.05, after: 2_000 }],
  ['(d) three times slower', { name: 'three-times-slower', delayMs: 60, after: 2_000 }],
  ['(e) crash loop', { name: 'crash-loop', crash: true, after: 2_000 }],
];

type Ours = Seen & { detectMs: number; backMs: number; verdict: string };

export async function rollback({ url }: OwnPostgres, quick: boolean): Promise<Row[]> {
  const root = mkdtempSync(join(tmpdir(), 'millwright-bench-services-'));
  // Mounted into containers whose user is another.
  chmodSync(root, 0o755);
  const trail = openTrail({ url: url.orchestrator, clock });
  const peer = await swarm(root);
  const mine = (fault: Fault) => byUs(trail, root, fault);
  try {
    const rows = beside(
      '(b) all fail, 2 s after the start',
      await mine(ERRORS),
      await bySwarm(peer, root, ERRORS, '/healthz'),
    );
    rows.push(...(await undone(trail, root, peer)));
    if (quick) return rows;
    rows.push(
      ...beside('(a) never healthy', await mine(NEVER), await bySwarm(peer, root, NEVER, '/healthz')),
    );
    const kinder = await bySwarm(peer, root, { ...ERRORS, name: 'all-errors-seen' }, '/');
    rows.push({
      what: '(b) beside a Swarm whose health check asks the failing path',
      ...{ unit: 'ms', ours: single(window(await mine({ ...ERRORS, name: 'all-errors-again' }))) },
      peer: { name: `Swarm: ${kinder.failed} of ${kinder.sent} failed`, spread: single(window(kinder)) },
    });
    for (const [what, fault] of ALONE) rows.push(alone(what, await mine(fault)));
    return rows;
  } finally {
    await peer.close();
    await trail.close();
    rmSync(root, { recursive: true, force: true });
  }
}

function beside(what: string, seen: Ours, theirs: Seen): Row[] {
  const name = `Swarm: ${theirs.failed} of ${theirs.sent} failed`;
  return [
    {
      what: `${what}: first failing response to the last`,
      ...{ unit: 'ms', ours: single(window(seen)), peer: { name, spread: single(window(theirs)) } },
      note: `ours: ${seen.verdict}. Swarm rolls back after a failed task or health check only; where it did not, its figure is how long it was watched. Its one replica stops before the next starts.`,
    },
    {
      what: `${what}: failed requests`,
      ...{
        unit: 'requests',
        ours: single(seen.failed),
        peer: { name, spread: single(theirs.failed) },
        aim: theirs.failed / 20,
      },
    },
    seen.first === null
      ? { what: `${what}: the deploy's start to the verdict`, unit: 'ms', ours: single(seen.detectMs) }
      : {
          what: `${what}: first failing response to the verdict`,
          ...{ unit: 'ms', ours: single(seen.detectMs), aim: 1_000 },
        },
    { what: `${what}: verdict to traffic back`, ...{ unit: 'ms', ours: single(seen.backMs), aim: 250 } },
  ];
}

const alone = (what: string, seen: Ours): Row => ({
  what: `${what}: from its first failing response (or the deploy's start, where none fails) to the verdict`,
  ...{ unit: 'ms', ours: single(seen.detectMs) },
  note: `${seen.verdict}; ${seen.failed} of ${seen.sent} requests failed, over ${window(seen)} ms; traffic back ${Math.round(seen.backMs)} ms after the verdict.`,
});

/** One deploy of the bad release beside the good one. */
async function byUs(trail: WritableTrail, root: string, fault: Fault): Promise<Ours> {
  const at = await ours(trail, fault.name);
  try {
    const [good, bad] = [service(root, GOOD), service(root, fault)];
    for (const { ref, layer } of [good, bad]) at.layers.set(ref.layer, layer);
    const first = await at.deploy(good.ref, null, PROMOTED);
    if (first.kind !== 'promoted') throw new Error(`the good release: ${first.kind}`);
    const end = await users(at.url);
    await sleep(1_000);
    const from = Date.now();
    const result = await at.deploy(bad.ref, good.ref, CANARY);
    const took = Date.now() - from;
    await sleep(1_000);
    const seen = await end();
    if (result.kind !== 'rolled_back') throw new Error(`${fault.name}: ${result.kind}`);
    const backMs = result.trafficBackMs ?? 0;
    // What makes no request fail is counted from the start of the deploy to its end.
    const detectMs = seen.first === null ? 0 : Math.max(0, window(seen) - backMs);
    const since = seen.first === null ? took : detectMs;
    return { ...seen, detectMs: since, backMs, verdict: `${result.verdict}: ${result.reason}` };
  } finally {
    await at.close();
  }
}

async function bySwarm(peer: Swarm, root: string, fault: Fault, health: string): Promise<Seen> {
  const [good, bad] = [service(root, GOOD), service(root, fault)];
  await peer.create(good.folder, health);
  try {
    const end = await users(peer.url, peer.inside);
    await sleep(1_000);
    const from = Date.now();
    await peer.update(bad.folder, WATCH_MS);
    // An update that it takes for good is watched on: users are still there.
    await sleep(Math.max(1_000, from + WATCH_MS - Date.now()));
    return await end();
  } finally {
    await peer.remove();
  }
}

/** A release that was promoted and turns bad later: from a person's word to the last bad response. */
async function undone(trail: WritableTrail, root: string, peer: Swarm): Promise<Row[]> {
  const late: Fault = { name: 'bad-later', errors: 1, after: 9_000 };
  const at = await ours(trail, late.name);
  const [good, bad] = [service(root, GOOD), service(root, late)];
  let mine: { ms: number; seen: Seen };
  try {
    for (const { ref, layer } of [good, bad]) at.layers.set(ref.layer, layer);
    for (const [release, live] of [
      [good.ref, null],
      [bad.ref, good.ref],
    ] as const) {
      const result = await at.deploy(release, live, PROMOTED);
      if (result.kind !== 'promoted') throw new Error(`${release.id}: ${result.kind}`);
    }
    const end = await users(at.url);
    await sleep(late.after ?? 0);
    const asked = Date.now();
    await at.rollback(good.ref);
    const seen = await end();
    mine = { ms: (seen.last ?? asked) - asked, seen };
  } finally {
    await at.close();
  }
  await peer.create(good.folder, '/healthz');
  try {
    await peer.update(bad.folder, WATCH_MS);
    const end = await users(peer.url, peer.inside);
    await sleep(late.after ?? 0);
    const asked = Date.now();
    await peer.rollback();
    await sleep(15_000);
    const seen = await end();
    const name = `docker service rollback: ${seen.failed} of ${seen.sent} failed`;
    return [
      {
        what: 'rollback by hand, asked for to the last bad response',
        ...{ unit: 'ms', ours: single(mine.ms), aim: 500 },
        peer: { name, spread: single((seen.last ?? asked) - asked) },
        note: `ours: ${mine.seen.failed} of ${mine.seen.sent} failed, the time before it was asked for included on both sides. Journaled on a real trail; without the start of the command line and the API call.`,
      },
    ];
  } finally {
    await peer.remove();
  }
}
