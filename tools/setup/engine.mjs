import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { canInstall, install, whyNot } from './debian.mjs';
import { call } from './engine-api.mjs';
import { find, run } from './program.mjs';
import { announce, lastLines, messageOf, SetupError } from './report.mjs';

/**
 * @typedef {import('./engine-api.mjs').Address} Address
 * @typedef {{ address: Address, host: string, version: string }} Engine `host` is in DOCKER_HOST's form
 */

const LOG_FOLDER = '/var/log/millwright';

/** The places an engine listens at: DOCKER_HOST alone where it is set, else the usual sockets. @returns {string[]} */
function candidates() {
  const chosen = process.env.DOCKER_HOST;
  if (chosen !== undefined && chosen !== '') return [chosen];
  const home = homedir();
  const runtime = process.env.XDG_RUNTIME_DIR;
  return [
    '/var/run/docker.sock',
    ...(runtime === undefined ? [] : [join(runtime, 'docker.sock')]),
    join(home, '.docker/run/docker.sock'),
    join(home, '.colima/default/docker.sock'),
    join(home, '.orbstack/run/docker.sock'),
    join(home, '.rd/docker.sock'),
  ].map((path) => `unix://${path}`);
}

/** @param {string} host @returns {Address} @throws {SetupError} a form that is not supported */
function addressOf(host) {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const tcp = /^(?:tcp|http):\/\/([^/:]+|\[[^\]]+\]):(\d+)\/?$/.exec(host);
  if (tcp?.[1] !== undefined) return { host: tcp[1].replace(/^\[|\]$/g, ''), port: Number(tcp[2]) };
  throw new SetupError(
    `DOCKER_HOST=${host} has a form that Millwright does not use`,
    'set DOCKER_HOST to unix:///path/to/docker.sock or tcp://host:port, or unset it',
  );
}

/**
 * The first engine that answers, or why each place did not.
 * @returns {Promise<{ engine: Engine | null, denied: string | null }>}
 */
export async function findEngine() {
  /** @type {string | null} */
  let denied = null;
  for (const host of candidates()) {
    const address = addressOf(host);
    if ('socketPath' in address && !existsSync(address.socketPath)) continue;
    try {
      const answer = await call(address, 'GET', '/version', { timeoutMs: 3000 });
      if (answer.status !== 200) continue;
      const version = JSON.parse(answer.text);
      if (version.Os === 'linux')
        return { engine: { address, host, version: String(version.Version) }, denied };
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EACCES') denied = host;
    }
  }
  return { engine: null, denied };
}

/**
 * Finds an engine, or on Debian as root installs and starts one. An engine started here is left running.
 * @param {import('./debian.mjs').Consent} consent
 * @returns {Promise<{ value: Engine, outcome: string }>}
 * @throws {SetupError} none to be had
 */
export async function ensureEngine(consent) {
  const { engine, denied } = await findEngine();
  if (engine !== null) return { value: engine, outcome: `Docker Engine ${engine.version}, ${engine.host}` };
  const chosen = process.env.DOCKER_HOST;
  if (chosen !== undefined && chosen !== '') {
    throw new SetupError(
      `no Docker Engine answers at DOCKER_HOST=${chosen}`,
      'start it, or unset DOCKER_HOST',
    );
  }
  if (denied !== null) {
    throw new SetupError(
      `this user may not use the Docker Engine at ${denied}`,
      'run: sudo usermod -aG docker "$USER" && newgrp docker   and then the command again',
    );
  }
  const installed = find('dockerd');
  if (process.platform !== 'linux' || process.getuid?.() !== 0) throw noEngine(installed !== null);
  if (installed === null) {
    if (!canInstall()) throw noEngine(false);
    const mounts = hasSystemd() || hasCgroups() ? [] : ['cgroupfs-mount'];
    await install(
      ['docker.io', 'iptables', 'iproute2', 'ca-certificates', ...mounts],
      'the Docker Engine',
      consent,
    );
  }
  const log = await startEngine();
  const started = await findEngine();
  if (started.engine === null) throw new SetupError('dockerd started, but does not answer', `read ${log}`);
  return {
    value: started.engine,
    outcome: `Docker Engine ${started.engine.version} ${installed === null ? 'installed and ' : ''}started; left running, its log is ${log}`,
  };
}

/** @param {boolean} installed */
function noEngine(installed) {
  if (process.platform === 'darwin') {
    return new SetupError(
      'no Docker Engine was found',
      'install and start Docker Desktop, OrbStack or Colima, and run the command again',
    );
  }
  if (installed) {
    return new SetupError(
      'the Docker Engine is installed but not running',
      'run: sudo systemctl start docker   (or: sudo dockerd &)   and the command again',
    );
  }
  return new SetupError(
    `no Docker Engine was found, and it cannot be installed from here: ${whyNot()}`,
    process.platform === 'linux'
      ? 'install Docker Engine (on Debian, as root: apt-get install docker.io), start it, and run the command again'
      : 'install a Docker Engine that runs Linux containers, and run the command again',
  );
}

function hasSystemd() {
  return existsSync('/run/systemd/system');
}

function hasCgroups() {
  return existsSync('/sys/fs/cgroup/cgroup.controllers') || existsSync('/sys/fs/cgroup/memory');
}

/**
 * Starts dockerd and waits until it answers, up to 60 s: through systemd where it runs, else detached in a session
 * of its own, so that a Ctrl-C at the command does not reach it.
 * @returns {Promise<string>} where its log is
 * @throws {SetupError} with the last lines of its log; a dockerd that did not come up is ended
 */
async function startEngine() {
  announce('engine', 'starting dockerd');
  if (hasSystemd()) {
    await run('systemctl', ['start', 'docker'], { timeoutMs: 90_000 });
    const where = 'journalctl -u docker';
    if (await answersWithin(30_000, () => true)) return where;
    throw new SetupError('systemd could not start the Docker Engine', `read: ${where}`);
  }
  // Debian's package may have started one by its init script a moment ago.
  if (await answersWithin(existsSync('/var/run/docker.pid') ? 5000 : 0, () => true))
    return '/var/log/docker.log';
  if (!hasCgroups() && find('cgroupfs-mount') !== null)
    await run('cgroupfs-mount', [], { timeoutMs: 10_000 });
  const dockerd = find('dockerd');
  if (dockerd === null) throw noEngine(false);
  mkdirSync(LOG_FOLDER, { recursive: true });
  const log = join(LOG_FOLDER, 'dockerd.log');
  const out = openSync(log, 'w', 0o640);
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`;
  const child = spawn(dockerd, [], {
    detached: true,
    stdio: ['ignore', out, out],
    cwd: '/',
    env: { ...process.env, PATH: path },
  });
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  child.once('error', () => {
    ended = true;
  });
  if (await answersWithin(60_000, () => !ended)) {
    child.unref();
    return log;
  }
  if (!ended) child.kill('SIGTERM');
  throw new SetupError(
    'dockerd does not start on this machine',
    `read ${log}; dockerd needs a kernel with namespaces, cgroups and iptables (not an unprivileged container)`,
    lastLines(readFileSync(log, 'utf8'), 5),
  );
}

/** @param {number} ms @param {() => boolean} hopeful */
async function answersWithin(ms, hopeful) {
  const until = Date.now() + ms;
  while (hopeful()) {
    if ((await findEngine()).engine !== null) return true;
    if (Date.now() >= until) return false;
    await sleep(100);
  }
  return false;
}

/** @param {Engine} engine @param {string} reference @returns {Promise<string | null>} the image's id, or null */
export async function imageId(engine, reference) {
  const answer = await call(engine.address, 'GET', `/images/${reference}/json`, { timeoutMs: 10_000 });
  if (answer.status === 404) return null;
  if (answer.status !== 200) {
    throw new SetupError(
      `the Docker Engine answered ${answer.status} for the image ${reference}`,
      'run: docker info',
      answer.text.slice(0, 400),
    );
  }
  return String(JSON.parse(answer.text).Id);
}

/** @param {unknown} error */
export function engineGone(error) {
  return new SetupError(
    `the Docker Engine stopped answering: ${messageOf(error)}`,
    'check: docker info   and run the command again',
  );
}
