import {
  type Advice,
  adviceElsewhere,
  isConvention,
  nearestAdvice,
  type Skill,
  skillsIn,
} from '@millwright/agents';
import { type GitSha, retryable, terminal } from '@millwright/domain';
import { type Checkout, listCheckout, readCheckout } from '@millwright/sandbox';
import type { Toolchain } from '@millwright/toolchains';
import type { Prepared } from '../verify/run-suite.ts';
import type { Held } from './runner.ts';

// What an attempt stands on: its trees, unpacked; their dependencies, installed.

const MAX_FILES = 100_000;
const MAX_ADVICE = 64 * 1024;

/** Unpacks one of the source's trees. Throws terminal `source-refused`. */
export async function checkoutOf({ runner, spec }: Held, tree: GitSha): Promise<Checkout> {
  const { bundle, on = [] } = spec.source;
  const source = [...on, bundle].map((digest) => ({
    key: digest.slice('sha256:'.length),
    bytes: () => runner.artifacts.get(digest),
  }));
  const out = await runner.sandboxes.checkout(source, tree, [spec.baseTree]);
  if (out.kind === 'refused')
    throw terminal('source-refused', `The source cannot be unpacked: ${out.reason}.`);
  return out.checkout;
}

/** The image that the repository asks for. Throws terminal `image-missing`. */
async function imageOf({ runner, spec }: Held): Promise<string> {
  const image = await runner.sandboxes.resolveImage(spec.config.image);
  if (image.kind === 'refused') throw terminal('image-missing', `No sandbox image: ${image.reason}.`);
  return image.id;
}

/** Why dependencies could not be installed, with the end of what the installer said. */
export type Unprepared = { kind: 'unprepared'; code: string; reason: string };

/** A tree with its dependencies, ready to run. */
export async function prepareTree(held: Held, checkout: Checkout): Promise<Prepared | Unprepared> {
  const { runner, spec, signal } = held;
  const image = await imageOf(held);
  const made = await runner.prepare.layer({
    ...{ repo: spec.repo, run: spec.run, attempt: spec.attempt, checkout, config: spec.config, signal },
  });
  if (made.kind === 'failed')
    return {
      kind: 'unprepared',
      code: made.code,
      reason: `Dependencies could not be installed: ${made.reason}. ${made.output.slice(-1_500)}`.trim(),
    };
  const layer = made.kind === 'layer' ? made.layer : null;
  return { checkout, layer, image, root: '/workspace', compromise: layer?.compromise ?? null };
}

/** As `prepareTree`, for a base, which has to be preparable. Throws retryable `prepare-failed`: a registry may be back in a moment. */
export async function prepareOrFail(held: Held, checkout: Checkout): Promise<Prepared> {
  const made = await prepareTree(held, checkout);
  if ('kind' in made) throw retryable('prepare-failed', made.reason);
  return made;
}

/** The repository's conventions as the base has them, the nearest to each touched path: advice, whatever they claim to be. */
export async function conventionsFor(
  { isInstalled }: Toolchain,
  base: Checkout,
  touched: readonly string[],
): Promise<{ advice: Advice[]; skills: Skill[]; elsewhere: string[] }> {
  const { paths } = await listCheckout(base, MAX_FILES, isInstalled);
  const files = paths.filter(isConvention).slice(0, 128);
  const read = await Promise.all(
    files.map(async (path) => ({
      path,
      text: (await readCheckout(base, path, MAX_ADVICE))?.toString('utf8'),
    })),
  );
  const there = read.flatMap(({ path, text }) => (text === undefined ? [] : [{ path, text }]));
  const advice = nearestAdvice(there, touched);
  return { advice, skills: skillsIn(there), elsewhere: adviceElsewhere(there, advice) };
}
