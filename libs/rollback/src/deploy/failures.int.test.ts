import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { RepoName } from '@millwright/domain';
import { expect, test, vi } from 'vitest';
import { reapOrphans } from '../targets/docker/remove.ts';
import { load } from '../testing/load.ts';
import { clock, memoryJournal, stand } from '../testing/stand.ts';
import { type Within, withStand } from '../testing/within.ts';
import { deploy } from './deploy.ts';
import type { DeployOrder } from './order.ts';
import { rollback } from './rollback.ts';

const within = (body: (within: Within) => Promise<void>) => withStand(stand, body);

const docker = async (...args: string[]) => (await promisify(execFile)('docker', args)).stdout.trim();

test.concurrent(
  'what cannot be deployed says why, and leaves nothing running',
  { timeout: 120_000 },
  within(async ({ at, v1, forward }) => {
    const refused = async (order: Partial<DeployOrder>) => {
      const result = await forward(order.release ?? v1, null, 1, order);
      return result.kind === 'failed' ? `${result.code}: ${result.reason}` : result.kind;
    };
    expect(await refused({ run: at.run({ port: undefined }) })).toBe(
      'bad_config: millwright.yaml has no deploy.port',
    );
    expect(await refused({ run: at.run({ secrets: ['TOKEN'] }) })).toContain(
      'secret_missing: no value is set for the secret TOKEN',
    );
    expect(await refused({ release: { ...v1, image: 'nobody/has:this' } })).toContain('image_missing');
    const swapped = await at.release('v2', { version: 'swapped' });
    at.layers.set(v1.layer, at.layers.get(swapped.layer) ?? new Uint8Array());
    expect(await refused({})).toContain('digest_mismatch');

    expect(
      await docker(
        'ps',
        '-aq',
        '--filter',
        `label=millwright.factory=${at.factory}`,
        '--filter',
        'label=millwright.purpose=release',
      ),
    ).toBe('');
  }),
);

test.concurrent(
  'a port in use is told, and never costs the address that serves',
  { timeout: 120_000 },
  within(async ({ at, v1, forward, answer }) => {
    const v2 = await at.release('v2', { version: 'two' });
    const squatter = createServer().listen(at.port, '127.0.0.1');
    await once(squatter, 'listening');
    expect(await forward(v1, null, 1)).toMatchObject({ kind: 'failed', code: 'port_in_use', live: null });
    expect((await at.target.state()).proxy).toBe('absent');
    squatter.close();
    await once(squatter, 'close');
    expect(await forward(v1, null, 2)).toMatchObject({ kind: 'promoted' });

    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const run = at.run({ expose: typeof address === 'object' ? address?.port : 0 });
    const moved = await forward(v2, v1, 3, { run });
    other.close();
    expect(moved).toMatchObject({
      kind: 'failed',
      code: 'port_in_use',
      reason: expect.stringContaining('in use by another program'),
    });
    expect(await answer()).toBe('one');
  }),
);

test.concurrent(
  'a start command that does not exist, a redirecting and a slow health answer are told apart',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward }) => {
    const moved = await at.release('v5', { version: 'moved', mode: 'redirect' });
    const v2 = await at.release('v2', { version: 'two', mode: 'mute' });
    expect(await forward(v1, null, 1, { run: at.run({ start: 'no-such-program' }) })).toMatchObject({
      kind: 'rolled_back',
      verdict: 'never_healthy',
      reason: 'the start command cannot be run (exit code 127)',
      evidence: expect.stringContaining('no-such-program'),
    });
    const soon = { healthyWithinMs: 8_000 };
    expect(await forward(moved, null, 2, soon)).toMatchObject({
      reason: expect.stringContaining('302 redirects to /login'),
    });
    expect(await forward(v2, null, 3, soon)).toMatchObject({
      reason: expect.stringContaining('no answer in 2000 ms'),
    });
    expect((await at.target.state()).releases).toEqual([]);
  }),
);

test.concurrent(
  'two deploys at once: the higher fence has the target, the other changes nothing more',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward }) => {
    await forward(v1, null, 1);
    const [v2, v3] = [
      await at.release('v2', { version: 'two' }),
      await at.release('v3', { version: 'three' }),
    ];
    const other = at.open();
    const [older, newer] = await Promise.all([
      forward(v2, v1, 2),
      deploy(other, { release: v3, live: v1, run: at.run(), fence: 3, journal: memoryJournal(), clock }),
    ]);
    expect(older).toEqual({ kind: 'fenced', by: 3 });
    expect(newer).toMatchObject({ kind: 'promoted', release: v3.id });
    expect([...(await at.target.state()).serving]).toEqual([[v3.id, 100]]);
    expect(await forward(v2, v1, 2)).toEqual({ kind: 'fenced', by: 3 });
    expect((await at.target.state()).releases.map((each) => each.id)).toEqual([v1.id, v3.id]);
  }),
);

test.concurrent(
  'the proxy killed or removed comes back with its weights, and a deploy goes on',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward, answer }) => {
    const v2 = await at.release('v2', { version: 'two' });
    await forward(v1, null, 1);
    const proxy = await docker(
      'ps',
      '-q',
      '--filter',
      `label=millwright.factory=${at.factory}`,
      '--filter',
      'label=millwright.purpose=proxy',
    );
    const deploying = forward(v2, v1, 2);
    await docker('restart', '-t', '0', proxy);
    expect(await deploying).toMatchObject({ kind: 'promoted' });
    await docker('rm', '-f', proxy);
    expect((await at.target.state()).proxy).toBe('absent');
    expect(await at.target.ensureProxy(at.run())).toEqual({ kind: 'done' });
    expect(await answer()).toBe('two');
    // Gone by hand: the previous release's container and the proxy. Undo starts both again.
    await docker('rm', '-f', (await at.target.state()).releases[0]?.replicas[0]?.container ?? '');
    const back = { to: v1, run: at.run(), fence: 3, journal: memoryJournal(), clock };
    expect(await rollback(at.target, back)).toMatchObject({ kind: 'switched', warm: false });
    expect(await answer()).toBe('one');
  }),
);

test.concurrent(
  'a release runs hardened, with its own environment, secrets and volume, and its secrets are not told',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward, answer }) => {
    const more = { secrets: ['SECRET'], env: { GREETING: 'hello' }, volumes: { data: '/var/lib/shop' } };
    const run = at.run(more, { SECRET: 'hunter2-and-more' });
    const v2 = await at.release('v2', { version: 'two' });
    expect(await forward(v1, null, 1, { run })).toMatchObject({ kind: 'promoted' });
    await answer('/write');
    expect(await forward(v2, v1, 2, { run })).toMatchObject({ kind: 'promoted' });
    expect(await answer('/read')).toBe('one');
    const id = (await at.target.state()).releases[1]?.replicas[0]?.container ?? '';
    const inside = await docker(
      'exec',
      id,
      'sh',
      '-c',
      'id -u; grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status; touch /app/x 2>&1; cat /run/secrets/SECRET; echo "" $GREETING $PORT; ls -ln /run/secrets',
    );
    expect(inside.replace(/\s+/g, ' ')).toEqual(
      expect.stringMatching(
        /^(\d+) CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 touch: cannot touch '\/app\/x': Read-only file system hunter2-and-more hello 8080 total 4 -r-------- 1 \1 \1 /,
      ),
    );
    // The engine was not told it, and who may inspect containers does not see it.
    expect(await docker('inspect', id)).not.toContain('hunter2');
    const limits = JSON.parse(await docker('inspect', '-f', '{{json .HostConfig}}', id));
    expect(limits).toMatchObject({
      PidsLimit: 512,
      Memory: 512 << 20,
      MemorySwap: 512 << 20,
      NanoCpus: 1e9,
      PortBindings: {},
    });
    const sick = await at.release('v3', { version: 'sick', mode: 'unhealthy' });
    const told = await forward(sick, v2, 3, { run, healthyWithinMs: 6_000 });
    expect(JSON.stringify(told)).toContain('service sick unhealthy [secret] hello');
    expect(JSON.stringify(told)).not.toContain('hunter2');
  }),
);

test.concurrent(
  'several replicas share the traffic, and none fails a request across a deploy',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward }) => {
    const run = { ...at.run(), replicas: 2 };
    expect(await forward(v1, null, 1, { run })).toMatchObject({ kind: 'promoted' });
    const replicas = (await at.target.state()).releases[0]?.replicas ?? [];
    expect(replicas.map((each) => each.weight)).toEqual([128, 128]);
    const users = load(at.port, 4);
    const v2 = await at.release('v2', { version: 'two' });
    expect(await forward(v2, v1, 2, { run })).toMatchObject({ kind: 'promoted' });
    expect(await users.stop()).toMatchObject({ failed: 0 });
  }),
);

test.concurrent(
  'a release that moved to another address is found again, and traffic goes back with the trail unwritable',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward, answer }) => {
    const v2 = await at.release('v2', { version: 'two' });
    await forward(v1, null, 1);
    await forward(v2, v1, 2);
    // Both stopped, and started in the other order: the engine gives each the other's address.
    const ids = (await at.target.state()).releases.map((each) => each.replicas[0]?.container ?? '');
    const before = (await at.target.state()).releases.map((each) => each.replicas[0]?.address);
    await docker('stop', '-t', '1', ...ids);
    await docker('start', ids[1] ?? '');
    await docker('start', ids[0] ?? '');
    const after = (await at.target.state()).releases.map((each) => each.replicas[0]?.address);
    expect(after).toEqual([...before].reverse());
    expect(await at.target.ensureProxy(at.run())).toEqual({ kind: 'done' });
    await vi.waitFor(async () => expect(await answer()).toBe('two'), 60_000);

    const down = async () => Promise.reject(new Error('trail is down'));
    const back = { to: v1, run: at.run(), fence: 3, journal: { started: down, finished: down }, clock };
    expect(await rollback(at.target, back)).toMatchObject({
      kind: 'switched',
      troubles: [
        'shift/100 was not journaled: trail is down',
        'shift/100 was not journaled: trail is down',
        `${v2.id} was not stopped: trail is down`,
      ],
    });
    expect(await answer()).toBe('one');
    const again = { release: v1, live: v1, run: at.run(), fence: 3, journal: memoryJournal(), clock };
    expect(await deploy(at.target, again)).toMatchObject({ kind: 'promoted', evidence: 'it serves already' });
  }),
);

test.concurrent(
  'orphans of a factory are found by their labels, kept repositories are left alone',
  {
    timeout: 120_000,
  },
  within(async ({ at, v1, forward, answer }) => {
    await forward(v1, null, 1);
    const shop = RepoName.parse('shop');
    expect(await reapOrphans({ factory: at.factory, keep: [shop] })).toEqual({ containers: 0, networks: 0 });
    expect(await answer()).toBe('one');
    expect(await reapOrphans({ factory: at.factory, keep: [] })).toEqual({ containers: 2, networks: 1 });
    expect(await docker('ps', '-aq', '--filter', `label=millwright.factory=${at.factory}`)).toBe('');
  }),
);
