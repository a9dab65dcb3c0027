import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { queueTrouble } from './check.ts';

// What a factory is told at its start of a Redis that cannot be its queue: a real one, in each state.

let server: ChildProcess;
let admin: Redis;
let port: number;
const PASSWORD = 'planted-password';
const at = (password: string) => `redis://${password === '' ? '' : `:${password}@`}127.0.0.1:${port}`;

async function freePort(): Promise<number> {
  const taken = createTcp().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  taken.close();
  await once(taken, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

beforeAll(async () => {
  port = await freePort();
  // Debian's redis-tools has the server under this name alone: it is what it is called.
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--requirepass', PASSWORD];
  server = spawn('redis-check-rdb', args, { argv0: 'redis-server', stdio: 'ignore' });
  admin = new Redis(at(PASSWORD), { retryStrategy: () => 50, maxRetriesPerRequest: null });
  admin.on('error', () => undefined); // until it is up
  await admin.ping();
});
afterAll(async () => {
  await admin.quit();
  server.kill();
  await once(server, 'exit');
});

test('one that fits, one that is away, and a queue on PostgreSQL are no trouble', async () => {
  expect(await queueTrouble(at(PASSWORD))).toBeNull();
  expect(await queueTrouble(`redis://127.0.0.1:${await freePort()}`)).toBeNull();
  expect(await queueTrouble('postgres://nobody@127.0.0.1:1/none')).toBeNull();
});

test('a password that is missing or wrong is said, and never shown', async () => {
  expect(await queueTrouble(at(''))).toMatch(/needs a password.*redis:\/\/:PASSWORD@127\.0\.0\.1/);
  const wrong = await queueTrouble(at('planted-guess'));
  expect(wrong).toMatch(/does not take the password/);
  expect(wrong).not.toContain('planted');
});

test('one that may evict is refused, whatever its memory, until it may not', async () => {
  for (const policy of ['allkeys-lru', 'volatile-ttl']) {
    await admin.config('SET', 'maxmemory-policy', policy);
    expect(await queueTrouble(at(PASSWORD))).toMatch(
      new RegExp(`maxmemory-policy ${policy}.*config set maxmemory-policy noeviction`),
    );
  }
  await admin.config('SET', 'maxmemory-policy', 'noeviction');
  expect(await queueTrouble(at(PASSWORD))).toBeNull();
});

test('a user who may not write is refused', async () => {
  await admin.call('acl', 'setuser', 'reader', 'on', '>planted-reader', '~*', '+info', '+ping');
  expect(await queueTrouble(`redis://reader:planted-reader@127.0.0.1:${port}`)).toMatch(/too few rights/);
});

test('a read-only replica is refused', async () => {
  await admin.call('replicaof', '127.0.0.1', String(await freePort()));
  expect(await queueTrouble(at(PASSWORD))).toMatch(/read-only replica.*primary/);
  await admin.call('replicaof', 'no', 'one');
});

test('what is not Redis is refused: a web server, one that hangs up, one that says nothing', async () => {
  const listens = async (made: Server | ReturnType<typeof createTcp>): Promise<string> => {
    made.listen(0, '127.0.0.1');
    await once(made, 'listening');
    const address = made.address();
    return typeof address === 'object' ? `redis://127.0.0.1:${address?.port}` : '';
  };
  const web = createServer((_, response) => response.end('hello'));
  const rude = createTcp((socket) => socket.end());
  const silent = createTcp((socket) => void socket.on('error', () => undefined));
  for (const made of [web, rude, silent]) {
    expect(await queueTrouble(await listens(made))).toMatch(/does not answer as Redis does.*rediss:/s);
    made.close();
    await sleep(0);
  }
});
