import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer, request, type ServerResponse } from 'node:http';
import { basename, join } from 'node:path';
import { probe } from '../targets/probe.ts';

type Figures = Record<string, { requests: number; errors: number }>;

function alive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    // An ended child that nobody has waited for still has its number.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** What a file of a release says; nothing while it is not there. */
const readOf = async (site: string, id: string, name: string) => {
  try {
    return await readFile(join(site, 'releases', id, name), 'utf8');
  } catch {
    return '';
  }
};
const currentOf = async (site: string) => {
  try {
    return basename(await readlink(join(site, 'current')));
  } catch {
    return null;
  }
};

async function statusOf(site: string, figures: Figures): Promise<string> {
  const releases = await Promise.all(
    (await readdir(join(site, 'releases'))).map(async (id) => {
      const running = alive(Number(await readOf(site, id, 'pid')));
      const port = Number(await readOf(site, id, 'port'));
      const healthy = running && port > 0 && (await probe('127.0.0.1', port, '/healthz', 2_000)).ok;
      const log = (await readOf(site, id, 'log')).slice(-2_000);
      return { id, running, healthy, log, ...(figures[id] ?? { requests: 0, errors: 0 }) };
    }),
  );
  return JSON.stringify({ serving: await currentOf(site), releases });
}

/** What users reach: follows the symlink `current` at each request, counts by release, and tells `status` at /__status. */
export async function openFront(site: string, port: number): Promise<() => Promise<void>> {
  const figures: Figures = {};
  const count = (id: string, failed: boolean) => {
    const { requests, errors } = figures[id] ?? { requests: 0, errors: 0 };
    figures[id] = { requests: requests + 1, errors: errors + (failed ? 1 : 0) };
  };
  const broken = (id: string | null, answer: ServerResponse) => {
    if (id !== null) count(id, true);
    if (!answer.headersSent) answer.writeHead(502);
    answer.end();
  };
  const server = createServer(async (asked, answer) => {
    const { method, url, headers } = asked;
    if (url === '/__status') return answer.end(await statusOf(site, figures));
    const id = await currentOf(site);
    if (id === null) return broken(id, answer);
    const to = Number(await readOf(site, id, 'port'));
    const options = { host: '127.0.0.1', port: to, method, path: url, headers, agent: false };
    const passed = request(options, (response) => {
      count(id, (response.statusCode ?? 500) >= 500);
      answer.writeHead(response.statusCode ?? 500);
      response.pipe(answer);
    });
    passed.on('error', () => broken(id, answer));
    return asked.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}
