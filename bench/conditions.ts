import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { spreadOf } from './row.ts';
import { number } from './table.ts';

const said = (file: string, ...args: string[]): string => {
  try {
    return execFileSync(file, args, {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch (error) {
    return `none (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`;
  }
};

/** What the disk itself takes to keep 8 KiB for good: the floor beneath every durable append. Milliseconds. */
function flush(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-bench-flush-'));
  const file = openSync(join(folder, 'file'), 'w');
  try {
    const page = Buffer.alloc(8_192, 1);
    const took = Array.from({ length: 200 }, (_, nth) => {
      const from = performance.now();
      writeSync(file, page, 0, page.length, (nth % 100) * page.length);
      fdatasyncSync(file);
      return performance.now() - from;
    });
    const { p50, p99 } = spreadOf(took);
    return `p50 ${number(p50)} ms, p99 ${number(p99)} ms`;
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

const version = (name: string): string => {
  const found: unknown = JSON.parse(
    readFileSync(join(import.meta.dirname, '../node_modules', name, 'package.json'), 'utf8'),
  );
  const value = typeof found === 'object' && found !== null && 'version' in found ? found.version : '?';
  return `${name} ${String(value)}`;
};

/** Everything that a reader needs to judge the numbers: machine, load, versions. */
export function conditions(postgres: string): string[] {
  const [cpu] = cpus();
  const load = loadavg().map((one) => one.toFixed(2));
  return [
    `${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${said('uname', '-r')}`,
    `load before: ${load.join(' ')}`,
    `Node ${process.version}, ${postgres}, Docker Engine ${said('docker', 'version', '--format', '{{.Server.Version}}')}, ${said('git', '--version')}`,
    `${version('bullmq')}, ${version('pg')}, ${version('postgres')}`,
    `Postgres as shipped: fsync on, synchronous_commit on; a flush of 8 KiB to this disk: ${flush()}`,
  ];
}
