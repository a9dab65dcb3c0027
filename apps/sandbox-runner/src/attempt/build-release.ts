import { type Digest, type SpecOf, type TestReport, terminal } from '@millwright/domain';
import type { Archived } from '@millwright/sandbox';
import type { Prepared } from '../verify/run-suite.ts';
import { verify } from '../verify/verify.ts';
import { type Held, suiteMsOf, whereOf } from './runner.ts';

const BUILD_MS = 15 * 60_000;
const KEPT = 16_384;
const MAX_LAYER = 512 * 1024 * 1024;

export type Built = { layer: Digest; image: string; test: TestReport };

/**
 * Builds the release of a merged tree: the tree with its dependencies at `/app`, `build` of the repository's file run there without a
 * network, the folder taken from the dead container as a tar. Then the base's test command runs on exactly those bytes, unpacked again:
 * what was tested is what ships. Throws terminal `build-failed` or `release-too-large`.
 */
export async function buildRelease(
  held: Held<SpecOf<'deploy'>>,
  on: { base: () => Promise<Prepared>; merged: Prepared },
): Promise<Built> {
  const { runner, spec, signal } = held;
  const { merged } = on;
  const image = merged.image ?? runner.sandboxes.image;
  const tar = await buildLayer(held, merged);
  const [layer, base, unpacked] = await Promise.all([
    runner.artifacts.put(tar),
    on.base(),
    runner.sandboxes.unpack(tar),
  ]);
  if (unpacked.kind === 'refused')
    throw terminal('build-failed', `The release cannot be unpacked: ${unpacked.reason}.`);
  const test = await verify(whereOf(held), runner.memory, {
    ...{ toolchain: runner.toolchain, config: spec.config, tree: spec.tree, base, changed: spec.changed },
    ...{ ticket: null, acceptance: null, signal },
    candidate: { checkout: unpacked.checkout, layer: null, image, root: '/app' },
    timeoutMs: suiteMsOf(held),
  });
  return { layer, image, test };
}

/** Without a `build` nothing runs, so that no sandbox is opened for it. */
async function buildLayer(held: Held<SpecOf<'deploy'>>, merged: Prepared): Promise<Uint8Array> {
  const { build } = held.spec.config;
  if (build !== undefined) return builtLayer(held, merged, build);
  const { run, attempt } = held.spec;
  const of = { run, attempt, checkout: merged.checkout, deps: merged.layer };
  return tarOf(await held.runner.sandboxes.archive(of, { maxBytes: MAX_LAYER }));
}

function tarOf(archived: Archived): Uint8Array {
  if (archived.kind === 'refused')
    throw terminal('release-too-large', `The release was refused: ${archived.reason}.`);
  return archived.tar;
}

async function builtLayer(
  { runner, spec, signal }: Held<SpecOf<'deploy'>>,
  merged: Prepared,
  build: string,
): Promise<Uint8Array> {
  const opened = await runner.sandboxes.open({
    ...{ run: spec.run, attempt: spec.attempt, purpose: 'build', root: '/app' },
    ...{ checkout: merged.checkout, deps: merged.layer },
    ...(merged.image === undefined ? {} : { image: merged.image }),
  });
  if (opened.kind === 'refused') throw terminal('sandbox-refused', `No sandbox: ${opened.reason}.`);
  const { sandbox } = opened;
  try {
    const built = await sandbox.exec(`export PATH=/app/${runner.toolchain.programs}:"$PATH"\n${build}`, {
      ...{ timeoutMs: BUILD_MS, maxBytes: KEPT, signal },
    });
    if (built.kind !== 'exited' || built.exitCode !== 0) throw buildFailed(build, built);
    return tarOf(await sandbox.archive({ maxBytes: MAX_LAYER }));
  } finally {
    await sandbox.destroy();
  }
}

function buildFailed(
  command: string,
  built: { kind: string; exitCode?: number; output?: string; reason?: string },
): Error {
  const how =
    built.kind === 'exited'
      ? `ended with exit code ${built.exitCode}`
      : built.kind === 'gone'
        ? 'lost its container'
        : 'ran out of time';
  return terminal(
    'build-failed',
    `\`${command}\` ${how}: ${(built.output ?? built.reason ?? '').slice(-3_000)}`,
  );
}
