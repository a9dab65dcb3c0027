// What docker-compose.yml needs: Compose, and the images that it names, or others in their place where no registry can be reached.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canInstall, install, whyNot } from './debian.mjs';
import { imageId } from './engine.mjs';
import { importDebian } from './image-debian.mjs';
import { ENVIRONMENT, FINISH, recipe } from './image-recipe.mjs';
import { pullBase } from './image-registry.mjs';
import { find, run } from './program.mjs';
import { SetupError } from './report.mjs';

const SERVICES = fileURLToPath(new URL('image/services.sh', import.meta.url));
const COMPOSE_FILE = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const PACKAGES = ['ca-certificates', 'git', 'iproute2', 'openssh-client', 'postgresql-15', 'redis-server'];
/** The variables of docker-compose.yml that name an image from a registry. */
const NAMES = ['MILLWRIGHT_BASE_IMAGE', 'MILLWRIGHT_POSTGRES_IMAGE', 'MILLWRIGHT_REDIS_IMAGE'];

/**
 * Compose's own words, by version: Debian's 1.29 or the plugin.
 * @param {import('./debian.mjs').Consent} consent
 * @returns {Promise<{ value: string[], outcome: string }>} the program and its first arguments
 * @throws {SetupError} none to be had
 */
export async function ensureCompose(consent) {
  const found = await findCompose();
  if (found !== null) return found;
  if (!canInstall())
    throw new SetupError(
      `Docker Compose is not there, and cannot be installed from here: ${whyNot()}`,
      'install Docker Compose (docker compose version, or docker-compose version), and run the command again',
    );
  await install(['docker-compose'], 'Docker Compose', consent);
  const installed = await findCompose();
  if (installed === null)
    throw new SetupError('docker-compose does not start', 'run: docker-compose version');
  return installed;
}

/** @returns {Promise<{ value: string[], outcome: string } | null>} */
async function findCompose() {
  for (const words of [['docker', 'compose'], ['docker-compose']]) {
    const [program = '', ...first] = words;
    if (find(program) === null) continue;
    const { code, output } = await run(program, [...first, 'version', '--short'], { timeoutMs: 20_000 });
    if (code === 0) return { value: words, outcome: `${words.join(' ')} ${output.trim()}` };
  }
  return null;
}

/**
 * What else than docker-compose.yml's own names is to be used: nothing where these can be pulled, else one image of Debian's packages that has
 * Node, Postgres and Redis. Measured: 25 s, 520 MB.
 * @param {import('./engine.mjs').Engine} engine
 * @param {{ path: string, version: string }} node
 * @param {import('./debian.mjs').Consent} consent
 * @returns {Promise<{ value: Record<string, string>, outcome: string }>}
 */
export async function ensureComposeImages(engine, node, consent) {
  const file = readFileSync(COMPOSE_FILE, 'utf8');
  const images = NAMES.map((name) => {
    const given = new RegExp(`\\$\\{${name}:-([^}]+)\\}`).exec(file)?.[1];
    if (given === undefined) throw new Error(`docker-compose.yml has no ${name}`);
    return { name, image: process.env[name] || given };
  });
  const [first] = images;
  if (first === undefined) throw new Error('docker-compose.yml names no image');
  const made = recipe(node);
  const key = createHash('sha256')
    .update(JSON.stringify([made.key, PACKAGES, readFileSync(SERVICES, 'utf8')]))
    .digest('hex')
    .slice(0, 16);
  const tag = `millwright/debian:${key}`;
  const value = Object.fromEntries(images.map(({ name }) => [name, tag]));
  if ((await imageId(engine, tag)) !== null) return { value, outcome: `${tag} is there` };
  for (const { image } of images) {
    const source = await pullBase(engine, image);
    if (source === 'pulled') continue;
    if (made.node === null || made.npm === null)
      throw new SetupError(`the image ${image} cannot be pulled: ${source.why}`, `run: docker pull ${image}`);
    await importDebian(
      engine,
      {
        ...{ tag, packages: PACKAGES, base: image, what: 'the image of Node, Postgres and Redis' },
        hooks: [`'${FINISH}' "$1" '${made.node}' '${made.npm}'`, `'${SERVICES}' "$1"`],
        changes: [
          'ENTRYPOINT ["docker-entrypoint.sh"]',
          'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
          ...ENVIRONMENT.map((one) => `ENV ${one}`),
        ],
      },
      source,
      consent,
    );
    return { value, outcome: `${tag} built from Debian packages (no registry: ${source.why})` };
  }
  return { value: {}, outcome: images.map(({ image }) => image).join(', ') };
}
