import type { RepoConfig } from '@millwright/domain';

/** What of a tree decides how its dependencies are installed. */
export const MANIFESTS = new Set([
  'package.json',
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  '.yarnrc',
  '.yarnrc.yml',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  '.npmrc',
]);

export type Install =
  | { kind: 'none' }
  | {
      kind: 'install';
      command: string;
      /** A program that the image must have, or null when the command is the repository's own. */
      tool: 'npm' | 'yarn' | 'pnpm' | null;
      scripts: boolean;
      /** Whether the result can depend on more of the tree than its manifests; it is then kept by tree. */
      wholeTree: boolean;
    }
  | { kind: 'failed'; code: string; reason: string };

const DEPENDENCIES = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'workspaces',
];

/**
 * Decides how to install. Pure. `paths`: the tree's files; `manifest`: the root package.json's text.
 * The repository's own command wins; else the lockfile at the root says. Lifecycle scripts only where the repository's file allows them.
 */
export function decideInstall(
  config: Pick<RepoConfig, 'install' | 'installScripts' | 'services'>,
  paths: ReadonlySet<string>,
  manifest: string | null,
): Install {
  if (config.services.length > 0)
    return {
      kind: 'failed',
      code: 'services_unsupported',
      reason: `services (${config.services.join(', ')}) are not there yet; remove them from millwright.yaml`,
    };
  const scripts = config.installScripts;
  if (config.install !== undefined)
    return {
      kind: 'install',
      command: config.install,
      tool: null,
      scripts,
      wholeTree: !isPlainNpm(config.install, scripts, paths),
    };
  if (manifest === null) return { kind: 'none' };
  const needs = dependenciesOf(manifest);
  if (needs === null)
    return { kind: 'failed', code: 'bad_manifest', reason: 'package.json is not a JSON object' };
  if (!needs && !scripts) return { kind: 'none' };
  const off = scripts ? '' : ' --ignore-scripts';
  if (paths.has('package-lock.json') || paths.has('npm-shrinkwrap.json'))
    return {
      kind: 'install',
      command: `npm ci${off}`,
      tool: 'npm',
      scripts,
      wholeTree: scripts || paths.has('.npmrc'),
    };
  if (paths.has('yarn.lock'))
    return {
      kind: 'install',
      command: `yarn install --frozen-lockfile${off}`,
      tool: 'yarn',
      scripts,
      wholeTree: true,
    };
  if (paths.has('pnpm-lock.yaml'))
    return {
      kind: 'install',
      // What it runs of the tree besides scripts.
      command: `pnpm install --frozen-lockfile${off}${scripts ? '' : ' --ignore-pnpmfile'}`,
      tool: 'pnpm',
      scripts,
      wholeTree: true,
    };
  return {
    kind: 'install',
    command: `npm install --no-package-lock${off}`,
    tool: 'npm',
    scripts,
    wholeTree: scripts || paths.has('.npmrc'),
  };
}

/** `npm ci` and its like read manifests alone, unless scripts run or .npmrc makes npm run something (`node-options`, `script-shell`). */
const isPlainNpm = (command: string, scripts: boolean, paths: ReadonlySet<string>) =>
  !scripts && !paths.has('.npmrc') && /^npm (ci|install|i)( --[a-z-]+(=[a-z]+)?)*$/.test(command);

function dependenciesOf(manifest: string): boolean | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(manifest.replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const fields = new Map<string, unknown>(Object.entries(parsed));
  return DEPENDENCIES.some((name) => {
    const value = fields.get(name);
    return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  });
}
