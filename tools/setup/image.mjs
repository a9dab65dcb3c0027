// The sandbox image: Debian bookworm with the project's own Node and npm, git, ripgrep, HAProxy and what a shell
// session wants. Its tag is a hash of everything that goes in, so that a changed recipe is a new image, and an image
// that is there is never built again.

import { existsSync, statfsSync } from 'node:fs';
import { imageId } from './engine.mjs';
import { call } from './engine-api.mjs';
import { buildFromPackages } from './image-debian.mjs';
import { REPOSITORY, recipe } from './image-recipe.mjs';
import { buildOnBase, pullBase } from './image-registry.mjs';
import { announce, SetupError } from './report.mjs';

/** @typedef {import('./engine.mjs').Engine} Engine */

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
