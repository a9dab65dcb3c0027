import type { RepoConfig } from '@millwright/domain';
import type { Install, Installing, InstallPlan } from '../toolchain.ts';
import { isInstalled } from './configuration.ts';
import { reducedNpmrc } from './npmrc.ts';

/** What of a tree decides how its dependencies are installed. */
const MANIFESTS = new Set([
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

const OLD_PEERS = '--legacy-peer-deps';

/** npm found peers that contradict each other, and says that it can leave them be. */
const otherwise = (plan: InstallPlan, output: string): InstallPlan | null =>
  plan.tool === 'npm' && /^npm (?:error|ERR!) code ERESOLVE$/m.test(output)
    ? {
        ...plan,
        command: `${plan.command} ${OLD_PEERS}`,
        compromise: `with ${OLD_PEERS}, since npm finds their peers at odds`,
      }
    : null;

/** npm takes these before any .npmrc of the repository. */
const environment: Installing['environment'] = ({ url, caFile }, { proxy, cache, scripts }) => ({
  npm_config_registry: url.href,
  npm_config_proxy: proxy,
  npm_config_https_proxy: proxy,
  npm_config_noproxy: '',
  npm_config_cache: cache,
  npm_config_ignore_scripts: String(!scripts),
  // Only the registry can be reached; a git dependency of the tree's own would be run by what the tree says git is.
  ...(scripts ? {} : { npm_config_git: '/bin/false', YARN_IGNORE_PATH: '1' }),
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  npm_config_progress: 'false',
  npm_config_fetch_retries: '2',
  npm_config_fetch_retry_mintimeout: '1000',
  npm_config_fetch_retry_maxtimeout: '5000',
  ...(caFile === null ? {} : { npm_config_cafile: caFile, NODE_EXTRA_CA_CERTS: caFile }),
});

/** Of several keys npm says `key=value`, a line each. */
function readRegistry(answer: string, env: Readonly<Record<string, string | undefined>>) {
  const said = (key: string) => {
    const value = new RegExp(`^${key}=(.*)$`, 'm').exec(answer)?.[1]?.trim() ?? '';
    return ['', 'null', 'undefined'].includes(value) ? null : value;
  };
  const registry = said('registry');
  const url = URL.parse(registry ?? '');
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new Error(`npm names no registry that can be reached (\`npm config get registry\`): ${registry}`);
  const caFiles = [said('cafile'), env.NODE_EXTRA_CA_CERTS].flatMap((file) => file ?? []);
  return { url, caFiles };
}

export const installing: Installing = {
  manifest: 'package.json',
  isInstalled,
  decide: decideInstall,
  isInput: (path) => MANIFESTS.has(path.slice(path.lastIndexOf('/') + 1)),
  reduced: { path: '.npmrc', text: reducedNpmrc },
  environment,
  otherwise,
  registry: { ask: ['npm', 'config', 'get', 'registry', 'cafile'], read: readRegistry },
};
