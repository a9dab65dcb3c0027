import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { IMAGE } from './service.ts';

// Docker Swarm in a throw-away dockerd: its own data root, sockets, containerd namespace and network namespace, so that neither engine sees the
// other's containers, bridges or firewall rules. Needs root, like the engine itself.

const PORT = 18_080;
const run = promisify(execFile);

export type Swarm = {
  /** What has to come before a program that is to reach the service. */
  inside: string[];
  url: string;
  /** A service of one replica, healthy; `folder` is below `root`, with a `server.js`. */
  create(folder: string, health: string): Promise<void>;
  /** As `docker service update` returns: when the update, or its rollback, is over, or after `ms`. */
  update(folder: string, ms: number): Promise<void>;
  /** `docker service rollback`; resolves when it was asked for. */
  rollback(): Promise<void>;
  remove(): Promise<void>;
  close(): Promise<void>;
};

/** Starts it. `root` is mounted into its containers at /srv. */
export async function swarm(root: string): Promise<Swarm> {
  const home = mkdtempSync(join(tmpdir(), 'millwright-swarm-'));
  const socket = `unix://${join(home, 's')}`;
  const pidfile = join(home, 'pid');
  const log = openSync(join(home, 'log'), 'a');
  const flags = `--data-root ${home}/data --exec-root ${home}/exec -H ${socket} --pidfile ${pidfile} --containerd-namespace ${home.slice(-6)} --containerd-plugins-namespace ${home.slice(-6)}p`;
  const daemon = spawn('unshare', ['--net', 'sh', '-c', `ip link set lo up && exec dockerd ${flags}`], {
    stdio: ['ignore', log, log],
  });
  const ended = new Promise<void>((resolve) => daemon.once('close', () => resolve()));
  const docker = async (...args: string[]) =>
    (await run('docker', ['-H', socket, ...args], { timeout: 120_000 })).stdout.trim();
  const close = async () => {
    daemon.kill('SIGTERM');
    await Promise.race([ended, sleep(30_000)]);
    daemon.kill('SIGKILL');
    // The data root is mounted on itself, and so may network namespaces be.
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
    for (const mount of mounts.filter((path) => path.startsWith(`${home}/`)).reverse())
      spawnSync('umount', ['-l', mount]);
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await until('dockerd', 60_000, async () => existsSync(pidfile) && (await docker('version')) !== '');
    await run('sh', ['-c', `docker save ${IMAGE} | docker -H ${socket} load`], { timeout: 180_000 });
    await docker('swarm', 'init', '--advertise-addr', '127.0.0.1', '--listen-addr', '127.0.0.1');
  } catch (error) {
    await close();
    throw error;
  }
  const inside = ['nsenter', `--net=/proc/${readFileSync(pidfile, 'utf8').trim()}/ns/net`];
  const url = `http://127.0.0.1:${PORT}/`;
  const commandOf = (folder: string) => ['node', `/srv${folder.slice(root.length)}/server.js`];
  return {
    inside,
    url,
    async create(folder, health) {
      const asked = `fetch('http://127.0.0.1:8080${health}').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`;
      await docker(
        ...['service', 'create', '--quiet', '--detach', '--name', 'shop', '--replicas', '1'],
        // The routing mesh wants a kernel module that may be missing; a port of the host goes straight to the container.
        ...['--publish', `published=${PORT},target=8080,mode=host`],
        ...['--mount', `type=bind,source=${root},target=/srv,readonly`],
        ...['--update-failure-action', 'rollback', '--update-monitor', '5s', '--rollback-monitor', '5s'],
        ...[
          '--health-cmd',
          `node -e "${asked}"`,
          '--health-interval',
          '1s',
          '--health-retries',
          '3',
          '--health-timeout',
          '2s',
        ],
        ...[IMAGE, ...commandOf(folder)],
      );
      await until(
        'the service',
        60_000,
        async () =>
          (await run(inside[0] ?? '', [...inside.slice(1), 'curl', '-sfm', '1', url])).stdout !== '',
      );
    },
    async update(folder, ms) {
      const asked = docker('service', 'update', '--quiet', '--args', commandOf(folder).join(' '), 'shop');
      // Its end in time or not: what users saw is what counts.
      await Promise.race([asked.catch(() => ''), sleep(ms)]);
    },
    rollback: async () => {
      await docker('service', 'rollback', '--quiet', '--detach', 'shop');
    },
    async remove() {
      await docker('service', 'rm', 'shop');
      await until('its end', 30_000, async () => (await docker('ps', '-q')) === '');
    },
    close,
  };
}

async function until(what: string, ms: number, look: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + ms;
  for (;;) {
    if (await look().catch(() => false)) return;
    if (Date.now() > end) throw new Error(`Swarm: waited ${ms} ms for ${what}`);
    await sleep(100);
  }
}
