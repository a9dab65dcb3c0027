import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';

// The deploy commands of a repository that has no platform: a release is a folder and a process, `current` a symlink that the front follows.
//   node site.ts deploy|activate|rollback|stop SITE

const [verb = '', site = ''] = process.argv.slice(2);
const release = process.env.MILLWRIGHT_RELEASE ?? '';
const folder = join(site, 'releases', release);
const current = join(site, 'current');

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
function alive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    // An ended child that nobody has waited for still has its number.
    return !/\) Z /.test(read(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}
const pidOf = (id: string) => Number(read(join(site, 'releases', id, 'pid')));
async function deploy(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-x', '-C', folder], { stdio: ['inherit', 'inherit', 'inherit'] });
  if (alive(pidOf(release))) return;
  const port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
  const log = openSync(join(folder, 'log'), 'a');
  const env = { ...process.env, PORT: String(port) };
  const child = spawn(process.execPath, ['server.js'], {
    cwd: folder,
    env,
    detached: true,
    stdio: ['ignore', log, log],
  });
  writeFileSync(join(folder, 'port'), String(port));
  writeFileSync(join(folder, 'pid'), String(child.pid));
  child.unref();
}

function point(): void {
  if (!existsSync(folder)) throw new Error(`no release ${release}`);
  const next = `${current}.${process.pid}`;
  symlinkSync(folder, next);
  renameSync(next, current);
}

async function stop(): Promise<void> {
  if (existsSync(current) && basename(readlinkSync(current)) === release) rmSync(current);
  const pid = pidOf(release);
  if (alive(pid)) process.kill(pid, 'SIGTERM');
  for (let tries = 0; alive(pid) && tries < 100; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 20));
  if (alive(pid)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

const verbs: Record<string, () => void | Promise<void>> = {
  deploy,
  activate: point,
  rollback: point,
  stop,
};
await (verbs[verb] ?? (() => Promise.reject(new Error(`no command ${verb}`))))();
