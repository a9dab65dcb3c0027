import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { canInstall, install, whyNot } from './debian.mjs';
import { find } from './program.mjs';
import { lastLines, SetupError } from './report.mjs';

/** @typedef {{ url: string, end: () => Promise<void> }} Redis */

/**
 * A Redis for the tests: the one at REDIS_URL where it answers, else one of our own, in memory only, on a free
 * loopback port, which `end` stops.
 * @param {import('./debian.mjs').Consent} consent
 * @returns {Promise<{ value: Redis, outcome: string }>}
 * @throws {SetupError} none to be had
 */
export async function ensureRedis(consent) {
  const given = process.env.REDIS_URL;
  if (given !== undefined && given !== '') {
    const url = URL.canParse(given) ? new URL(given) : null;
    if (url === null || !(await answers(url.hostname, Number(url.port || 6379)))) {
      throw new SetupError(`no Redis answers at REDIS_URL=${given}`, 'start it, or unset REDIS_URL');
    }
    return { value: { url: given, end: async () => {} }, outcome: `the one at REDIS_URL` };
  }
  if (redisProgram() === null) {
    if (!canInstall()) {
      throw new SetupError(
        `the tests need Redis, and it cannot be installed from here: ${whyNot()}`,
        'install redis-server so that it is in PATH, or set REDIS_URL, and run the command again',
      );
    }
    // Debian's `redis-tools` holds the very binary that `redis-server` is a link to, without the service that the
    // package `redis-server` starts on port 6379 and leaves on the machine.
    await install(['redis-tools'], 'Redis, for the tests', consent);
  }
  const redis = await startRedis();
  return { value: redis, outcome: `${redis.url}, ended with the command` };
}

/** @returns {{ path: string, argv0: string } | null} */
function redisProgram() {
  const path = find('redis-server') ?? find('redis-check-rdb');
  return path === null ? null : { path, argv0: 'redis-server' };
}

/** @returns {Promise<Redis>} */
async function startRedis() {
  const program = redisProgram();
  if (program === null)
    throw new SetupError('redis-server is not there', 'run: apt-get install redis-server');
  const folder = mkdtempSync(join(tmpdir(), 'millwright-redis-'));
  let said = '';
  // A free port may be taken between asking for it and Redis binding it, so there are three goes.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const port = await freePort();
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
    ];
    const child = spawn(program.path, args, { argv0: program.argv0, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said = (said + String(chunk)).slice(-8192);
      });
    }
    let gone = false;
    /** @type {Promise<void>} */
    const ended = new Promise((resolve) => {
      const done = () => {
        gone = true;
        resolve();
      };
      child.once('close', done);
      child.once('error', done);
    });
    const killed = () => child.kill('SIGKILL');
    process.once('exit', killed);
    const end = async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await ended;
      clearTimeout(timer);
      process.removeListener('exit', killed);
      rmSync(folder, { recursive: true, force: true });
    };
    for (let waited = 0; waited < 5000 && !gone; waited += 50) {
      if (await answers('127.0.0.1', port)) return { url: `redis://127.0.0.1:${port}`, end };
      await sleep(50);
    }
    child.kill('SIGKILL');
    await ended;
    process.removeListener('exit', killed);
  }
  rmSync(folder, { recursive: true, force: true });
  throw new SetupError(
    'redis-server does not start',
    `run: ${program.path}   to see why, or set REDIS_URL`,
    lastLines(said, 5),
  );
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no free port'));
        else resolve(address.port);
      });
    });
  });
}

/** Whether something listens there, within 500 ms. @param {string} host @param {number} port @returns {Promise<boolean>} */
function answers(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 500 });
    /** @param {boolean} yes */
    const done = (yes) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => done(true));
    socket.once('timeout', () => done(false));
    socket.once('error', () => done(false));
  });
}
