import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

// Peers that only the benchmarks need: 240 MB, so they are installed for a run, below a folder of its own, and not with the factory.

const PEERS = [
  '@dbos-inc/dbos-sdk@5.3.0',
  '@restatedev/restate-server@1.7.12',
  '@restatedev/restate-sdk@1.17.2',
];
const INSTALL_MS = 180_000;

export type Peers = { folder: string; remove(): void };

/** Installs them. Rejects where the package registry cannot be reached. */
export async function installPeers(): Promise<Peers> {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-bench-peers-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', ...PEERS];
  try {
    await promisify(execFile)('npm', args, { cwd: folder, timeout: INSTALL_MS });
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, remove };
}

/** A package of theirs, in a program that was given the folder. */
export async function peer(folder: string, name: string): Promise<unknown> {
  return import(pathToFileURL(createRequire(join(folder, 'package.json')).resolve(name)).href);
}
