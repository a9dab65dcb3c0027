import { createHash } from 'node:crypto';
import { chown, copyFile, lstat, mkdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepoConfig, RepoName } from '@millwright/domain';
import {
  AGENT,
  type Checkout,
  type CleanEnd,
  DEFAULT_LIMITS,
  foldersOf,
  listCheckout,
  type Mount,
  overlayOptions,
  readCheckout,
  removeTree,
  runClean,
  type Sandboxes,
} from '@millwright/sandbox';
import type { Installing, InstallPlan, Registry } from '@millwright/toolchains';
import { evict, findLayer, type Installed, keepLayer } from './layers.ts';
import { startProxy } from './proxy.ts';
import { authority, hostRegistry } from './registry.ts';

export type PrepareSettings = {
  /** Default: as this machine is set up. */
  registry?: Registry;
  /** Wall-clock limit of one installation, ms. */
  wallMs?: number;
  /** Bytes that one installation may take of the disk. */
  maxBytes?: number;
};

type PrepareOptions = {
  repo: RepoName;
  run: string;
  attempt: string;
  checkout: Checkout;
  config: Pick<RepoConfig, 'install' | 'installScripts' | 'image' | 'services'>;
  signal?: AbortSignal;
};

export type Prepared =
  | { kind: 'layer'; layer: Installed; cached: boolean; refusedHosts: string[] }
  /** Nothing to install. */
  | { kind: 'none' }
  | { kind: 'failed'; code: string; reason: string; output: string; refusedHosts: string[] };

export type Prepare = { layer(options: PrepareOptions): Promise<Prepared> };

const FORWARD = join(import.meta.dirname, 'forward.mjs');
const PORT = 3_128;
const MANIFEST_MAX = 64 * 1_048_576;
const REDUCED_MAX = 64 << 10;
const CA_AT = '/.millwright/ca.crt';

const failed = (code: string, reason: string, output = '', refusedHosts: string[] = []): Prepared => ({
  kind: 'failed',
  code,
  reason,
  output,
  refusedHosts,
});

/** Installs dependencies in containers of their own and keeps the results, one a key. Two callers with the same key wait for one installation. */
export function createPrepare(
  sandboxes: Sandboxes,
  installing: Installing,
  settings: PrepareSettings = {},
): Prepare {
  const { engine } = sandboxes;
  const running = new Map<string, Promise<Prepared>>();
  let registry: Promise<Registry> | null = null;
  const registryOf = (): Promise<Registry> => {
    registry ??= (
      settings.registry === undefined
        ? hostRegistry(installing.registry, process.env)
        : Promise.resolve(settings.registry)
    ).catch((error: unknown) => {
      registry = null; // asked again by the next
      throw error;
    });
    return registry;
  };
  // Asked at once: to say takes half a second, which the first attempt would wait for. What is wrong, that attempt is told.
  registryOf().catch(() => undefined);

  const install = async (
    options: PrepareOptions,
    plan: InstallPlan,
    key: string,
    image: string,
    from: Registry,
  ): Promise<Prepared> => {
    const scratch = join(engine.folders.scratch, engine.name());
    const folder = (name: string) => join(scratch, name);
    const labels = engine.labels({ ...options, purpose: 'prepare' });
    for (const name of ['upper', 'work', 'cache', 'proxy']) await mkdir(folder(name), { recursive: true });
    for (const name of ['upper', 'cache']) await chown(folder(name), AGENT, AGENT);
    if (!plan.scripts) await coverReduced(installing, options.checkout, folder('upper'));
    const proxy = await startProxy(folder('proxy'), new Set([authority(from.url)]), (host, reason) =>
      engine.note({ kind: 'egress_refused', attempt: options.attempt, host, reason }),
    );
    const guard = await guardDisk(engine.folders.root, settings.maxBytes ?? 4 * 1_073_741_824);
    try {
      const mounts: Mount[] = [
        {
          kind: 'overlay',
          volume: `${engine.name()}-prepare`,
          target: '/workspace',
          options: overlayOptions(foldersOf(options.checkout), {
            mount: scratch,
            upper: folder('upper'),
            work: folder('work'),
          }),
          readOnly: false,
          labels,
        },
        { kind: 'bind', source: folder('cache'), target: '/cache', readOnly: false },
        { kind: 'bind', source: folder('proxy'), target: '/proxy', readOnly: true },
        { kind: 'bind', source: folder('forward.mjs'), target: '/.millwright/forward.mjs', readOnly: true },
      ];
      // Copied: a runner may be in a container, whose own files the engine does not see.
      await copyFile(FORWARD, folder('forward.mjs'));
      if (from.caFile !== null) {
        await copyFile(from.caFile, folder('ca.crt'));
        mounts.push({
          kind: 'bind',
          source: folder('ca.crt'),
          target: CA_AT,
          readOnly: true,
        });
      }
      const end = await runClean(engine, {
        image,
        script: `command -v node >/dev/null || exit 96
[ -z "$1" ] || command -v "$1" >/dev/null || exit 97
exec node /.millwright/forward.mjs /proxy/proxy ${PORT} "$2" >&2`,
        args: [plan.tool ?? '', plan.command],
        labels,
        mounts,
        workdir: '/workspace',
        loopback: true,
        env: installEnv(installing, from, plan.scripts),
        limits: { ...DEFAULT_LIMITS, wallMs: settings.wallMs ?? 600_000 },
        maxStdout: 1_024,
        signal: options.signal === undefined ? guard.signal : AbortSignal.any([guard.signal, options.signal]),
      });
      const refusedHosts = [...proxy.refused];
      const bad = whyFailed(end, plan, guard.signal.aborted, refusedHosts);
      if (bad !== null) return failed(bad.code, bad.reason, end.stderr.slice(-8_000), refusedHosts);
      const { compromise = null } = plan;
      const layer = await keepLayer(engine, key, folder('upper'), options.checkout, compromise);
      await evict(engine);
      return { kind: 'layer', layer, cached: false, refusedHosts };
    } finally {
      guard.stop();
      await proxy.close();
      await removeTree(scratch);
    }
  };

  return {
    async layer(options) {
      const { paths, truncated } = await listCheckout(options.checkout, 200_000, installing.isInstalled);
      if (truncated) return failed('too_large', 'the tree has more than 200,000 files');
      const manifest = await readCheckout(options.checkout, installing.manifest, MANIFEST_MAX);
      const plan = installing.decide(options.config, new Set(paths), manifest?.toString('utf8') ?? null);
      if (plan.kind === 'none') return plan;
      if (plan.kind === 'failed') return failed(plan.code, plan.reason);
      const image = await sandboxes.resolveImage(options.config.image);
      if (image.kind === 'refused') return failed(image.code, image.reason);
      const from = await registryOf();
      const key = await keyOf(installing, options, plan, paths, image.id, from);
      const found = await findLayer(engine, key);
      if (found !== null) return { kind: 'layer', layer: found, cached: true, refusedHosts: [] };
      const made = async () => {
        const first = await install(options, plan, key, image.id, from);
        const other =
          first.kind === 'failed' && first.code === 'install_failed'
            ? installing.otherwise(plan, first.output)
            : null;
        return other === null ? first : install(options, other, key, image.id, from);
      };
      const shared = running.get(key) ?? made();
      running.set(key, shared);
      return shared.finally(() => running.delete(key));
    },
  };
}

/**
 * Lays what is left of a file of the repository over it, whatever that is (a link to another file is one too): without scripts, an installation
 * runs nothing of the tree. What is of the tree is not of the layer, so this one is left behind.
 */
async function coverReduced({ reduced }: Installing, checkout: Checkout, upper: string): Promise<void> {
  const there = await lstat(join(checkout.path, reduced.path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (there === null) return;
  const own = await readCheckout(checkout, reduced.path, REDUCED_MAX);
  await writeFile(join(upper, reduced.path), reduced.text(own?.toString('utf8') ?? ''));
}

/** SHA-256 over everything that the result depends on. */
async function keyOf(
  { isInput }: Installing,
  { repo, checkout }: PrepareOptions,
  plan: InstallPlan,
  paths: readonly string[],
  image: string,
  registry: Registry,
): Promise<string> {
  const hash = createHash('sha256');
  const add = (...parts: string[]) => hash.update(`${JSON.stringify(parts)}\n`);
  add(
    'v4',
    repo,
    image,
    `${process.platform}-${process.arch}`,
    plan.command,
    String(plan.scripts),
    registry.url.href,
  );
  if (plan.wholeTree) add('tree', checkout.tree);
  else
    for (const path of paths.filter(isInput).sort()) {
      const bytes = await readCheckout(checkout, path, MANIFEST_MAX);
      add(
        path,
        createHash('sha256')
          .update(bytes ?? '')
          .digest('hex'),
      );
    }
  return hash.digest('hex');
}

function installEnv(
  { environment }: Installing,
  registry: Registry,
  scripts: boolean,
): Record<string, string> {
  const proxy = `http://127.0.0.1:${PORT}`;
  const caFile = registry.caFile === null ? null : CA_AT;
  return {
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    http_proxy: proxy,
    https_proxy: proxy,
    ...environment({ ...registry, caFile }, { proxy, cache: '/cache', scripts }),
  };
}

function whyFailed(
  end: CleanEnd,
  plan: InstallPlan,
  diskFull: boolean,
  refusedHosts: readonly string[],
): { code: string; reason: string } | null {
  const also =
    refusedHosts.length === 0
      ? ''
      : `; it asked for ${refusedHosts.join(', ')}, and only the package registry is reached: name a command that leaves out what comes from elsewhere as install: in millwright.yaml`;
  if (end.kind === 'exited') {
    if (end.exitCode === 0) return null;
    if (end.exitCode === 96)
      return {
        code: 'no_tool',
        reason: 'the image has no node, which leads an installation to the registry',
      };
    if (end.exitCode === 97)
      return {
        code: 'no_tool',
        reason: `the image has no ${plan.tool}, which the lockfile asks for; name another image or an install command in millwright.yaml`,
      };
    if (end.oom) return { code: 'out_of_memory', reason: `\`${plan.command}\` ran out of memory` };
    return { code: 'install_failed', reason: `\`${plan.command}\` ended with status ${end.exitCode}${also}` };
  }
  if (diskFull) return { code: 'disk', reason: `\`${plan.command}\` took more of the disk than it may` };
  if (end.kind === 'aborted') return { code: 'cancelled', reason: 'the attempt was cancelled' };
  return { code: end.kind, reason: `\`${plan.command}\` did not end in time${also}` };
}

/** Aborts when the file system of `folder` has lost `maxBytes` since the start, or has under 512 MiB left. Looks twice a second. */
async function guardDisk(folder: string, maxBytes: number): Promise<{ signal: AbortSignal; stop(): void }> {
  const free = async () => {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  };
  const least = Math.max((await free()) - maxBytes, 512 * 1_048_576);
  const abort = new AbortController();
  const timer = setInterval(() => {
    free().then(
      (left) => {
        if (left < least) abort.abort(new Error('disk'));
      },
      (error: unknown) => abort.abort(error),
    );
  }, 500);
  return { signal: abort.signal, stop: () => clearInterval(timer) };
}
