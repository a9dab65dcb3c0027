import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { copyShop } from './shop-replay.ts';

export const ROOT = resolve(dirname(import.meta.filename), '../..');
export const PREFIX = 'millwright-demo-';

export type Place = { folder: string; data: string; repository: string; port: number };

const GIT_MS = 30_000;

/** Git with nobody's configuration: the demo looks the same on every machine. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: GIT_MS,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 'Shop',
      GIT_AUTHOR_EMAIL: 'shop@example.com',
      GIT_COMMITTER_NAME: 'Shop',
      GIT_COMMITTER_EMAIL: 'shop@example.com',
    },
  }).trim();
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => done(port));
    });
  });
}

/** A throw-away folder with a data folder and the shop as a bare repository, whose deploy address is a port that is free now: nothing is shared with a running factory. */
export async function makePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // Postgres's own user passes through it on the way to its database.
  chmodSync(folder, 0o711);
  writeFileSync(join(folder, 'demo.pid'), String(process.pid));
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o711 });
  const [work, repository] = [join(folder, 'work'), join(folder, 'shop.git')];
  copyShop(join(ROOT, 'examples/shop'), work);
  const port = await freePort();
  const file = join(work, 'millwright.yaml');
  const given = readFileSync(file, 'utf8');
  const moved = given.replace(/^( *expose:).*$/m, `$1 ${port}`);
  if (moved === given) throw new Error('examples/shop/millwright.yaml exposes no port');
  writeFileSync(file, moved);
  git(work, 'init', '--quiet', '--initial-branch=main');
  git(work, 'add', '--all');
  git(work, 'commit', '--quiet', '--message', 'Open the shop');
  git(folder, 'clone', '--quiet', '--bare', work, repository);
  return { folder, data, repository, port };
}
