// The sandbox image: Debian bookworm with the project's own Node and npm, git, ripgrep, HAProxy and what a shell
// session wants. Its tag is a hash of everything that goes in, so that a changed recipe is a new image, and an image
// that is there is never built again.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canInstall, install, whyNot } from './debian.mjs';
import { engineGone, imageId } from './engine.mjs';
import { call, streamError } from './engine-api.mjs';
import { find, own } from './program.mjs';
import { announce, lastLines, messageOf, SetupError } from './report.mjs';

/** @typedef {import('./engine.mjs').Engine} Engine */

const REPOSITORY = 'millwright/sandbox';
const SUITE = 'bookworm';
const PACKAGES = [
  'ca-certificates',
  'git',
  'haproxy',
  'make',
  'patch',
  'procps',
  'python3-minimal',
  'ripgrep',
  'xz-utils',
];
const ENVIRONMENT = ['LANG=C.UTF-8', 'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'];
const FINISH = fileURLToPath(new URL('image/finish.sh', import.meta.url));

/** @typedef {{ node: string | null, npm: string | null, base: string, key: string }} Recipe */

/**
 * @param {{ path: string, version: string }} node the project's own
 * @returns {Recipe} on Linux the project's own Node goes in; elsewhere (another system's binary) the registry's
 */
export function recipe(node) {
  const npm = process.platform === 'linux' ? npmFolder() : null;
  const own = process.platform === 'linux' && npm !== null;
  const base = own ? `debian:${SUITE}-slim` : `node:24-${SUITE}-slim`;
  const npmVersion = npm === null ? '' : JSON.parse(readFileSync(join(npm, 'package.json'), 'utf8')).version;
  const parts = [
    readFileSync(FINISH, 'utf8'),
    base,
    PACKAGES,
    ENVIRONMENT,
    own ? node.version : '',
    npmVersion,
    process.arch,
  ];
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
  return { node: own ? node.path : null, npm, base, key };
}

/** The folder of the npm that goes with this machine's Node, or null. */
function npmFolder() {
  const places = [
    ...(process.env.npm_execpath === undefined ? [] : [dirname(dirname(process.env.npm_execpath))]),
    join(dirname(dirname(realpathSync(process.execPath))), 'lib/node_modules/npm'),
    ...(() => {
      const npm = find('npm');
      return npm === null ? [] : [dirname(dirname(realpathSync(npm)))];
    })(),
  ];
  return (
    places.find(
      (place) => existsSync(join(place, 'bin/npm-cli.js')) && existsSync(join(place, 'package.json')),
    ) ?? null
  );
}

/**
 * Builds the image where the engine has none of this recipe.
 * @param {Engine} engine
 * @param {{ path: string, version: string }} node
 * @param {import('./debian.mjs').Consent} consent
 * @returns {Promise<{ value: string, outcome: string }>} the tag
 * @throws {SetupError} nowhere to build it from
 */
export async function ensureImage(engine, node, consent) {
  const made = recipe(node);
  const tag = `${REPOSITORY}:${made.key}`;
  if ((await imageId(engine, tag)) !== null) return { value: tag, outcome: `${tag} is there` };
  checkSpace();
  const source = await pullBase(engine, made.base);
  let outcome = '';
  if (source === 'pulled') {
    announce('image', `building on ${made.base}`);
    await buildOnBase(engine, made, tag);
    outcome = `${tag} built on ${made.base}`;
  } else {
    await buildFromPackages(engine, made, tag, source, consent);
    outcome = `${tag} built from Debian packages (no registry: ${source.why})`;
  }
  await call(engine.address, 'POST', `/images/${tag}/tag?repo=${REPOSITORY}&tag=latest`, {
    timeoutMs: 10_000,
  });
  return { value: tag, outcome };
}

function checkSpace() {
  const root = existsSync('/var/lib/docker') ? '/var/lib/docker' : '/';
  const { bavail, bsize } = statfsSync(root);
  if (bavail * bsize < 2e9) {
    throw new SetupError(
      `${Math.round((bavail * bsize) / 1e6)} MB are free in ${root}; the sandbox image needs 2000 while it is built`,
      'free some space (docker system df shows what images take) and run the command again',
    );
  }
}

/**
 * Pulls the base where a registry can be reached: gives up when nothing has moved for 8 s.
 * @param {Engine} engine
 * @param {string} base
 * @returns {Promise<'pulled' | { why: string }>}
 */
async function pullBase(engine, base) {
  if ((await imageId(engine, base)) !== null) return 'pulled';
  const stalled = new AbortController();
  const stop = () => stalled.abort(new Error('nothing came for 8 s'));
  let timer = setTimeout(stop, 8000);
  const [name, version] = base.split(':');
  try {
    const answer = await call(engine.address, 'POST', `/images/create?fromImage=${name}&tag=${version}`, {
      timeoutMs: 300_000,
      signal: stalled.signal,
      onChunk: () => {
        clearTimeout(timer);
        timer = setTimeout(stop, 8000);
      },
    });
    const failed = answer.status === 200 ? streamError(answer.text) : answer.text.trim();
    if (failed !== null) return { why: shortReason(failed) };
    return 'pulled';
  } catch (error) {
    if (stalled.signal.aborted) return { why: 'nothing came for 8 s' };
    throw engineGone(error);
  } finally {
    clearTimeout(timer);
  }
}

/** @param {string} text */
function shortReason(text) {
  const plain = text.replace(/^\{"message":"|"\}$/g, '').replaceAll('\\"', '"');
  const last = plain.split(': ').at(-1) ?? plain;
  return last.slice(0, 80);
}

/**
 * @param {Engine} engine
 * @param {Recipe} made
 * @param {string} tag
 */
async function buildOnBase(engine, made, tag) {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-image-'));
  try {
    cpSync(FINISH, join(folder, 'finish.sh'));
    if (made.node !== null && made.npm !== null) {
      cpSync(made.node, join(folder, 'node'));
      cpSync(made.npm, join(folder, 'npm'), { recursive: true, dereference: true });
    }
    writeFileSync(join(folder, 'Dockerfile'), dockerfile(made));
    const tar = spawn('tar', ['-cf', '-', '-C', folder, '.'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, COPYFILE_DISABLE: '1' },
    });
    own(tar);
    const proxies = Object.fromEntries(
      ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => {
        const value = process.env[name] ?? process.env[name.toLowerCase()];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    const query = new URLSearchParams({ t: tag, rm: '1', forcerm: '1', buildargs: JSON.stringify(proxies) });
    const answer = await call(engine.address, 'POST', `/build?${query}`, {
      timeoutMs: 600_000,
      body: tar.stdout,
    });
    const failed = answer.status === 200 ? streamError(answer.text) : answer.text;
    if (failed !== null) {
      const said = answer.text
        .split('\n')
        .flatMap((line) => /"stream":"(.*)"\}/.exec(line)?.[1] ?? [])
        .join('')
        .replaceAll('\\n', '\n');
      throw new SetupError(
        `the sandbox image could not be built on ${made.base}: ${failed.slice(0, 200)}`,
        "check that containers reach Debian's package server (docker run --rm debian:bookworm-slim apt-get update)",
        lastLines(said, 8),
      );
    }
  } catch (error) {
    throw error instanceof SetupError ? error : engineGone(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {Recipe} made */
function dockerfile(made) {
  const parts = made.node === null ? '' : ' /parts/node /parts/npm';
  return `FROM ${made.base}
USER 0:0
COPY . /parts/
RUN apt-get update && apt-get install -y --no-install-recommends ${PACKAGES.join(' ')} && sh /parts/finish.sh /${parts} && rm -rf /parts
ENV ${ENVIRONMENT.join(' ')}
USER 10001:10001
WORKDIR /home/agent
CMD ["sh"]
`;
}

/**
 * mmdebstrap writes the root file system straight into the engine's import: no temporary file.
 * Measured: 16 s alone on the machine, 30 s beside a loaded one; 330 MB.
 * @param {Engine} engine
 * @param {Recipe} made
 * @param {string} tag
 * @param {{ why: string }} registry
 * @param {import('./debian.mjs').Consent} consent
 */
async function buildFromPackages(engine, made, tag, registry, consent) {
  if (made.node === null || made.npm === null || process.platform !== 'linux') {
    throw new SetupError(
      `the image ${made.base} cannot be pulled: ${registry.why}`,
      `run: docker pull ${made.base}   and then the command again`,
    );
  }
  if (find('mmdebstrap') === null) {
    if (!canInstall()) {
      throw new SetupError(
        `the image ${made.base} cannot be pulled (${registry.why}), and building from Debian packages needs mmdebstrap: ${whyNot()}`,
        `run: docker pull ${made.base}   and then the command again`,
      );
    }
    await install(['mmdebstrap'], 'to build the sandbox image', consent);
  }
  announce('image', `building from Debian packages (no registry: ${registry.why})`);
  const leaveOut = ['doc', 'info', 'locale', 'man'].map(
    (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
  );
  const hook = `'${FINISH}' "$1" '${made.node}' '${made.npm}'`;
  const child = spawn(
    'mmdebstrap',
    [
      '--quiet',
      '--variant=minbase',
      `--include=${PACKAGES.join(',')}`,
      ...leaveOut,
      `--customize-hook=${hook}`,
      SUITE,
      '-',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  own(child);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = (said + String(chunk)).slice(-65_536);
  });
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
    child.once('error', () => resolve(null));
  });
  const changes = [
    'USER 10001:10001',
    'WORKDIR /home/agent',
    'CMD ["sh"]',
    ...ENVIRONMENT.map((one) => `ENV ${one}`),
  ];
  const query = new URLSearchParams({ fromSrc: '-' });
  for (const change of changes) query.append('changes', change);
  // Imported without a tag and named only when mmdebstrap has ended well: a half-made root never gets the tag.
  const imported = await call(engine.address, 'POST', `/images/create?${query}`, {
    timeoutMs: 600_000,
    body: child.stdout,
  }).then(
    (answer) => ({ answer, error: null }),
    (error) => ({ answer: null, error }),
  );
  if (imported.answer === null) child.kill('SIGTERM');
  const code = await ended;
  const id = imported.answer === null ? null : /sha256:[0-9a-f]{64}/.exec(imported.answer.text)?.[0];
  if (code !== 0) {
    if (id) await call(engine.address, 'DELETE', `/images/${id}`, { timeoutMs: 10_000 });
    throw new SetupError(
      'the sandbox image could not be built from Debian packages',
      /Could not resolve|Failed to fetch|Temporary failure/i.test(said)
        ? 'get online (check: apt-get update) and run the command again'
        : 'read the lines above; the command can be run again',
      lastLines(said, 8),
    );
  }
  if (!id) {
    throw new SetupError(
      `the Docker Engine did not take the sandbox image: ${imported.answer === null ? messageOf(imported.error) : (streamError(imported.answer.text) ?? 'no image id')}`,
      'check: docker info   and df -h /var/lib/docker, and run the command again',
    );
  }
  const [repository, version] = tag.split(':');
  const tagged = await call(engine.address, 'POST', `/images/${id}/tag?repo=${repository}&tag=${version}`, {
    timeoutMs: 10_000,
  });
  if (tagged.status !== 201)
    throw new SetupError(`the Docker Engine did not tag the image: ${tagged.text}`, 'run: docker info');
}
