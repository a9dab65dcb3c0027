// What goes into the sandbox image, and its content key.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { find } from './program.mjs';

export const REPOSITORY = 'millwright/sandbox';
export const SUITE = 'bookworm';
export const PACKAGES = [
  'ca-certificates',
  'curl',
  'git',
  'haproxy',
  'jq',
  'make',
  'patch',
  'procps',
  'python3-minimal',
  'ripgrep',
  'xz-utils',
];
export const ENVIRONMENT = ['LANG=C.UTF-8', 'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'];
export const FINISH = fileURLToPath(new URL('image/finish.sh', import.meta.url));

/** `node` and `npm` are null where the base brings its own. @typedef {{ node: string | null, npm: string | null, base: string, key: string }} Recipe */

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
