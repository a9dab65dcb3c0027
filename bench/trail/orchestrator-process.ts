import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BASE } from '@millwright/api';
import type { OwnPostgres } from '@millwright/store/testing';

const ROOT = join(import.meta.dirname, '..', '..');
const TOKEN = 'token-of-the-bench-0123456789';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export type Ask = <T>(path: string) => Promise<T>;

/** Asks again until `holds`; what does not answer yet does not hold. */
export async function until(holds: () => Promise<boolean>, everyMs = 1_000): Promise<void> {
  while (!(await holds().catch(() => false))) await sleep(everyMs);
}

/** The real orchestrator, in a process of its own on this database; what `work` gives, the process and its folder being gone. */
export async function onOrchestrator<R>(
  own: OwnPostgres,
  work: (ask: Ask, started: { pid: number; readyMs: number }) => Promise<R>,
): Promise<R> {
  const data = mkdtempSync(join(tmpdir(), 'millwright-bench-'));
  const port = await freePort();
  const from = performance.now();
  const child = spawn(process.execPath, [join(ROOT, 'apps/orchestrator/src/main.ts')], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: own.url.orchestrator,
      QUEUE_URL: own.url.orchestrator,
      MILLWRIGHT_DATA: data,
      MILLWRIGHT_FACTORY: 'fac_bench',
      MILLWRIGHT_ADMIN_TOKEN_HASH: createHash('sha256').update(TOKEN).digest('hex'),
      MILLWRIGHT_SANDBOX_IMAGE: 'none',
      MILLWRIGHT_LOG_LEVEL: 'error',
      PORT: String(port),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await until(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, 10);
    const readyMs = performance.now() - from;
    const ask: Ask = async (path) => {
      const answer = await fetch(`http://127.0.0.1:${port}${BASE}${path}`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return answer.json() as never;
    };
    return await work(ask, { pid: child.pid ?? 0, readyMs });
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    rmSync(data, { recursive: true, force: true });
  }
}
