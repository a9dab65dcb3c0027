import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { deploy, discard, prepareRelease } from '../deploy/deploy.ts';
import { rehearse } from '../deploy/rehearse.ts';
import { ask } from '../proxy/socket.ts';
import { load } from '../testing/load.ts';
import { clock, memoryJournal, stand } from '../testing/stand.ts';
import { type Within, withStand } from '../testing/within.ts';
import type { HealMemory } from './policy.ts';
import { reconcile } from './reconcile.ts';

const NO_HEALS: HealMemory = { tried: [] };
const within = (body: (within: Within) => Promise<void>) => withStand(stand, body);

const docker = async (...args: string[]) => (await promisify(execFile)('docker', args)).stdout.trim();

test.concurrent(
  'prepared, rehearsed and discarded while users notice nothing; then deployed from what runs',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1 }) => {
    const v2 = await at.release('v2', { version: 'two' });
    const journal = memoryJournal();
    const run = at.run();
    expect(await deploy(at.target, { release: v1, live: null, run, fence: 1, journal, clock })).toMatchObject(
      {
        kind: 'promoted',
      },
    );
    const order = { release: v2, live: v1, run, fence: 2, journal: memoryJournal(), clock };
    expect(await rehearse(at.target, order)).toEqual({
      possible: false,
      fault: 'release',
      reason: `${v2.id} does not run: prepare it first`,
    });
    const users = load(at.port, 4);
    expect(await prepareRelease(at.target, order)).toMatchObject({ kind: 'prepared', release: v2.id });
    expect(await rehearse(at.target, order)).toMatchObject({
      possible: true,
      to: v1.id,
      ms: expect.any(Number),
    });
    expect([...(await at.target.state()).serving]).toEqual([[v1.id, 100]]);
    const container = (await at.target.state()).releases.find((each) => each.id === v2.id)?.replicas[0]
      ?.container;
    expect(await deploy(at.target, order)).toMatchObject({
      kind: 'promoted',
      rehearsalMs: expect.any(Number),
    });
    expect((await at.target.state()).releases.find((each) => each.id === v2.id)?.replicas[0]?.container).toBe(
      container,
    );
    // The gate says no to the next one: nothing of it is left.
    const v3 = { ...order, release: await at.release('v3', { version: 'three' }), live: v2, fence: 3 };
    expect(await prepareRelease(at.target, v3)).toMatchObject({ kind: 'prepared' });
    // What undo goes to is gone: said before the gate, not found out after it.
    await docker('stop', '-t', '0', container ?? '');
    expect(await rehearse(at.target, v3)).toMatchObject({
      possible: false,
      reason: expect.stringContaining(`live release ${v2.id} does not run`),
    });
    await docker('start', container ?? '');
    expect(await discard(at.target, v3)).toEqual({ kind: 'discarded' });
    expect((await at.target.state()).releases.map((each) => each.id)).toEqual([v1.id, v2.id]);
    expect(await discard(at.target, { ...v3, release: v2 })).toEqual({ kind: 'serves' });
    await users.stop();
  }),
);

test.concurrent(
  'a slower release is caught by its latency, from the request log',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward }) => {
    const slow = await at.release('v2', { version: 'slow', delayMs: 300 });
    const run = at.run({ canary: { steps: [50, 100], bake: 20_000 } });
    await forward(v1, null, 1);
    const users = load(at.port, 16);
    const result = await forward(slow, v1, 2, { run });
    expect(await users.stop()).toMatchObject({ failed: 0 });
    expect(result).toMatchObject({
      kind: 'rolled_back',
      verdict: 'degraded',
      verified: { kind: 'verified' },
      stuck: null,
    });
    expect(result.kind === 'rolled_back' && result.reason).toMatch(
      /^at 50 % of traffic: p(50|95) is \d+ ms, the old release's \d+ ms/,
    );
  }),
);

test.concurrent(
  'with too little traffic it pauses, says what it needs, and the old one serves',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward, answer }) => {
    const v2 = await at.release('v2', { version: 'two' });
    await forward(v1, null, 1);
    const order = { live: v1, fence: 2, journal: memoryJournal(), clock, release: v2 };
    const idle = await deploy(at.target, {
      ...order,
      run: at.run({ canary: { steps: [50, 100], bake: 300 } }),
    });
    expect(idle).toMatchObject({
      kind: 'rolled_back',
      verdict: 'inconclusive',
      live: v1.id,
      needs: expect.stringContaining('20 more requests'),
    });
    expect(await answer()).toBe('one');
    // A check of the release itself, on the way users go, speaks for it.
    // So does the repository's smoke command, in a container beside it that has none of its secrets.
    const asks = `fetch('http://127.0.0.1:' + process.env.PORT).then((r) => process.exit(r.ok ? 0 : 1))`;
    const smoke = `test -f server.js && test -z "$SECRET" && node -e "${asks}"`;
    const secrets: [Record<string, unknown>, Record<string, string>] = [
      { secrets: ['SECRET'] },
      { SECRET: 'planted' },
    ];
    const canary = { steps: [50, 100], bake: 300, wait: 20_000 };
    const bad = at.run({ ...secrets[0], canary, checks: [{ smoke: 'echo no luck; exit 3' }] }, secrets[1]);
    const refused = await deploy(at.target, { ...order, fence: 3, run: bad });
    expect(refused).toMatchObject({ kind: 'rolled_back', verdict: 'degraded' });
    expect(refused.kind === 'rolled_back' && refused.reason).toContain('exit code 3: no luck');
    const checked = at.run({ ...secrets[0], canary, checks: [{ http: '/healthz' }, { smoke }] }, secrets[1]);
    expect(await deploy(at.target, { ...order, fence: 4, run: checked })).toMatchObject({ kind: 'promoted' });
    expect(
      await docker(
        'ps',
        '-aq',
        '--filter',
        `label=millwright.factory=${at.factory}`,
        '--filter',
        'label=millwright.purpose=smoke',
      ),
    ).toBe('');
  }),
);

test.concurrent(
  'what crashed, was removed or was changed by hand comes back; a later fence is left alone',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward, answer }) => {
    const v2 = await at.release('v2', { version: 'two' });
    await forward(v1, null, 1);
    await forward(v2, v1, 2);
    const desired = { release: v2, run: at.run(), fence: 2 };
    const turn = () => reconcile(at.target, desired, NO_HEALS, { clock });
    expect(await turn()).toEqual({ kind: 'in_order', memory: NO_HEALS });

    const container = async () =>
      (await at.target.state()).releases.find((each) => each.id === v2.id)?.replicas[0]?.container ?? '';
    await docker('rm', '-f', await container());
    expect(await turn()).toMatchObject({
      kind: 'healed',
      what: expect.stringContaining('0 of 1 replicas'),
      memory: { tried: [{ ok: true }] },
    });
    expect(await answer()).toBe('two');

    const proxy = await docker(
      'ps',
      '-q',
      '--filter',
      `label=millwright.factory=${at.factory}`,
      '--filter',
      'label=millwright.purpose=proxy',
    );
    await docker('rm', '-f', proxy);
    expect(await turn()).toMatchObject({ kind: 'healed', what: expect.stringContaining('the proxy is') });
    expect(await answer()).toBe('two');

    const socket = `${at.dataDir}/targets/shop/run/admin.sock`;
    await ask(socket, [`set server app/${v1.id}.1 weight 256`, `set server app/${v2.id}.1 weight 0`]);
    expect(await answer()).toBe('one');
    expect(await turn()).toMatchObject({ kind: 'healed', what: expect.stringContaining(`${v1.id} 100 %`) });
    expect(await answer()).toBe('two');

    // Frozen by hand: it runs, and does not answer. On a busy machine runc gives a freeze up.
    const frozen = await container();
    await vi.waitFor(() => docker('pause', frozen), 60_000);
    expect(await turn()).toMatchObject({
      kind: 'healed',
      what: expect.stringContaining('does not answer well'),
    });
    expect(await answer()).toBe('two');

    await docker('rm', '-f', await container());
    at.layers.clear();
    const image = await docker(
      'images',
      '-q',
      '--filter',
      `label=millwright.release=${v2.id}`,
      '--filter',
      `label=millwright.factory=${at.factory}`,
    );
    await docker('rmi', '-f', image);
    expect(await turn()).toMatchObject({
      kind: 'not_healed',
      reason: expect.stringContaining('cannot be read'),
      memory: { tried: [{ ok: false }] },
    });
    await at.target.fence(3);
    expect(await turn()).toEqual({ kind: 'fenced', by: 3, memory: NO_HEALS });
  }),
);
