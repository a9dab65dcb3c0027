// The candidate runs with the test configuration of the base: a change to it may not decide about itself.

const CONFIG_FILES = [
  /^vite(st)?\.(config|workspace|projects)\.([cm]?[jt]s|json)$/,
  /^jest\.(config|preset)\.([cm]?[jt]s|json)$/,
  /^\.mocharc\.([cm]?js|json|jsonc|ya?ml)$/,
  /^mocha\.opts$/,
  /^\.(nyc|c8)rc(\.(json|ya?ml|[cm]?js))?$|^nyc\.config\.[cm]?js$/,
  /^\.npmrc$|^\.node-options$|^node\.config\.json$/,
  /^babel\.config\.([cm]?[jt]s|json)$|^\.babelrc(\.([cm]?js|json))?$|^\.swcrc$/,
];

/** The parts of a package.json that configure how tests run. */
const CONFIG_KEYS = ['scripts', 'jest', 'mocha', 'vitest', 'nyc', 'c8', 'babel', 'config'] as const;

export const isManifest = (path: string) =>
  /(^|\/)package\.json$/.test(path) && !path.includes('node_modules/');
export const isTestConfig = (path: string) =>
  !path.includes('node_modules/') && CONFIG_FILES.some((name) => name.test(path.split('/').at(-1) ?? ''));

export type OverlayPlan = {
  /** Taken from the base as they are there. */
  restore: string[];
  /** In the candidate only: taken away. */
  remove: string[];
  /** package.json files that both have: merged. */
  merge: string[];
};

/** Which paths the base's configuration replaces in the candidate. Both lists hold files, relative to the root. */
export function planOverlay(base: readonly string[], candidate: readonly string[]): OverlayPlan {
  const there = new Set(base);
  const here = new Set(candidate);
  return {
    restore: base.filter(isTestConfig),
    remove: candidate.filter((path) => isTestConfig(path) && !there.has(path)),
    merge: base.filter((path) => isManifest(path) && here.has(path)),
  };
}

/**
 * The candidate's package.json with the base's test configuration, or null when it need not change. A text that is no JSON object stays as
 * it is: the run then fails on it.
 */
export function mergeManifest(base: string, candidate: string): string | null {
  const from = asObject(base);
  const to = asObject(candidate);
  if (from === null || to === null) return null;
  const merged: Record<string, unknown> = { ...to };
  for (const key of CONFIG_KEYS) {
    if (key in from) merged[key] = from[key];
    else delete merged[key];
  }
  const text = JSON.stringify(merged, null, 2);
  return text === JSON.stringify(to, null, 2) ? null : `${text}\n`;
}

function asObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // Not JSON: nothing to merge.
  }
}
