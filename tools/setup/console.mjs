import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './program.mjs';
import { announce, lastLines, SetupError } from './report.mjs';

/** What the console is built of: its own files, and those of ours that it imports. */
const FOLDERS = ['apps/console/src', 'libs/api/src', 'libs/audit/src/proof', 'libs/domain/src'];
const FILES = ['apps/console/index.html', 'apps/console/vite.config.ts', 'package-lock.json'];
const STAMP = 'apps/console/.built/.made-of';

/** @param {string} root @returns {string} changes whenever what is built would */
function key(root) {
  const sources = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile() && !/\.test\.ts$/.test(one.name))
      .map((one) => join(one.parentPath, one.name)),
  ).sort();
  const hash = createHash('sha256');
  for (const path of [...sources, ...FILES.map((file) => join(root, file))]) {
    hash.update(`${path.slice(root.length)}\0`);
    hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Whether the console was built of what is there now. Measured: 15 ms. @param {string} root */
export function consoleBuilt(root) {
  try {
    return readFileSync(join(root, STAMP), 'utf8') === key(root);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * The console as static files, which the orchestrator serves.
 * @param {string} root
 * @param {{ path: string }} node
 * @returns {Promise<{ value: void, outcome: string }>}
 * @throws {SetupError} it does not build
 */
export async function ensureConsole(root, node) {
  if (consoleBuilt(root)) return { value: undefined, outcome: 'is built' };
  announce('console', 'building');
  const of = key(root);
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const ended = await run(node.path, [vite, 'build', 'apps/console', '--logLevel', 'warn'], {
    cwd: root,
    timeoutMs: 300_000,
  });
  if (ended.code !== 0)
    throw new SetupError(
      'the console does not build',
      'if this checkout has no changes of yours: rm -rf node_modules && npm run setup',
      lastLines(ended.output),
    );
  writeFileSync(join(root, STAMP), of);
  return { value: undefined, outcome: 'built' };
}
