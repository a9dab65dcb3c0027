// The sandbox image from Debian packages, where no registry can be reached.

import { spawn } from 'node:child_process';
import { canInstall, install, whyNot } from './debian.mjs';
import { call, streamError } from './engine-api.mjs';
import { ENVIRONMENT, FINISH, PACKAGES, SUITE } from './image-recipe.mjs';
import { find, own } from './program.mjs';
import { announce, lastLines, messageOf, SetupError } from './report.mjs';

/**
 * @typedef {import('./engine.mjs').Engine} Engine
 * @typedef {import('./image-recipe.mjs').Recipe} Recipe
 */

/**
 * mmdebstrap writes the root file system straight into the engine's import: no temporary file.
 * Measured: 16 s alone on the machine, 30 s beside a loaded one; 330 MB.
 * @param {Engine} engine
 * @param {Recipe} made
 * @param {string} tag
 * @param {{ why: string }} registry
 * @param {import('./debian.mjs').Consent} consent
 */
export async function buildFromPackages(engine, made, tag, registry, consent) {
  if (made.node === null || made.npm === null) throw cannotPull(made.base, registry);
  const root = {
    packages: PACKAGES,
    hooks: [`'${FINISH}' "$1" '${made.node}' '${made.npm}'`],
    changes: [
      'USER 10001:10001',
      'WORKDIR /home/agent',
      'CMD ["sh"]',
      ...ENVIRONMENT.map((one) => `ENV ${one}`),
    ],
  };
  await importDebian(engine, { ...root, tag, base: made.base, what: 'the sandbox image' }, registry, consent);
}

/** @param {string} base @param {{ why: string }} registry */
const cannotPull = (base, { why }) =>
  new SetupError(
    `the image ${base} cannot be pulled: ${why}`,
    `run: docker pull ${base}   and then the command again`,
  );

/**
 * A Debian root as an image: `packages`, then `hooks` (commands of mmdebstrap, with the root as "$1"), then a Dockerfile's `changes`.
 * @param {Engine} engine
 * @param {{ tag: string, packages: readonly string[], hooks: readonly string[], changes: readonly string[], base: string, what: string }} root
 *   `base` would have served as well, where it could be pulled
 * @param {{ why: string }} registry
 * @param {import('./debian.mjs').Consent} consent
 */
export async function importDebian(engine, root, registry, consent) {
  const { tag, packages, hooks, base, what } = root;
  if (process.platform !== 'linux') throw cannotPull(base, registry);
  if (find('mmdebstrap') === null) {
    if (!canInstall()) {
      throw new SetupError(
        `the image ${base} cannot be pulled (${registry.why}), and building from Debian packages needs mmdebstrap: ${whyNot()}`,
        `run: docker pull ${base}   and then the command again`,
      );
    }
    await install(['mmdebstrap'], `to build ${what}`, consent);
  }
  announce('image', `building ${tag} from Debian packages (no registry: ${registry.why})`);
  const leaveOut = ['doc', 'info', 'locale', 'man'].map(
    (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
  );
  const child = spawn(
    'mmdebstrap',
    [
      '--variant=minbase',
      `--include=${packages.join(',')}`,
      ...leaveOut,
      ...hooks.map((hook) => `--customize-hook=${hook}`),
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
  const query = new URLSearchParams({ fromSrc: '-' });
  for (const change of root.changes) query.append('changes', change);
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
      `${what} could not be built from Debian packages`,
      /Could not resolve|Failed to fetch|Temporary failure|Could not connect|unreachable/i.test(said)
        ? 'get online (check: apt-get update) and run the command again'
        : 'read the lines above; the command can be run again',
      lastLines(said, 8),
    );
  }
  if (!id) {
    throw new SetupError(
      `the Docker Engine did not take ${what}: ${imported.answer === null ? messageOf(imported.error) : (streamError(imported.answer.text) ?? 'no image id')}`,
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
