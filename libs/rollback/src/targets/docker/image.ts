import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { messageOf } from '../../message-of.ts';
import { type Done, done, type Failure, failure } from '../../outcome.ts';
import { prunable, type Retention } from '../retention.ts';
import type { ReleaseRef } from '../target.ts';
import { isOf, type Kept, readKept, writeKept } from './kept.ts';
import { type DockerPlace, type Names, statusOf, tolerate } from './place.ts';

// A release's image: the base image with the layer's files at /app. It is known by its id, on record since it was made; its tag is a name for
// people, and keeps the engine's own pruning off it.

function tagOf(names: Names, release: ReleaseRef): string {
  const content = createHash('sha256')
    .update(`${names.network}\n${release.layer}\n${release.image}`)
    .digest('hex');
  return content.slice(0, 40);
}

const REPOSITORY = 'millwright/release';

/** The id of the image that was made of this release's checked bytes, or null where the engine has it no more. */
export async function imageOf(engine: Docker, names: Names, release: ReleaseRef): Promise<string | null> {
  const made = (await readKept(names)).filter((each) => isOf(each, release));
  for (const { id } of made) if (await has(engine, id)) return id;
  return null;
}

/** A target's lock around one read-change-write of its record. */
export type Locked = <T>(work: () => Promise<T>) => Promise<T>;

const remember = (names: Names, locked: Locked, kept: Kept): Promise<void> =>
  locked(async () => {
    const before = await readKept(names);
    const known = before.find((each) => each.release === kept.release);
    if (known?.id === kept.id && known.layer === kept.layer && known.base === kept.base) return;
    await writeKept(names, [...before.filter((each) => each !== known), kept]);
  });

/** The image is there, or what it is made of is. */
export async function available(
  engine: Docker,
  place: DockerPlace,
  names: Names,
  release: ReleaseRef,
): Promise<Done | Failure> {
  if ((await imageOf(engine, names, release)) !== null) return done;
  if (!(await has(engine, release.image))) return missing(release);
  try {
    // Read to its end, and kept nowhere: it is there when it has its digest.
    for await (const _part of await partsOf(place, release));
    return done;
  } catch (error) {
    return failure('image_missing', `the layer of ${release.id} cannot be read: ${messageOf(error)}`);
  }
}

const missing = (release: ReleaseRef): Failure =>
  failure('image_missing', `the engine has no image ${release.image}, on which release ${release.id} stands`);

/** The layer's bytes, part by part where its place can. */
async function partsOf(place: DockerPlace, { layer }: ReleaseRef): Promise<AsyncIterable<Uint8Array>> {
  const { artifacts } = place;
  if (artifacts.stream !== undefined) return artifacts.stream(layer);
  const whole = await artifacts.get(layer);
  return (async function* () {
    yield whole;
  })();
}

/** They are summed up as they are sent; why they could not be read is told apart from what the engine says of them. */
function sending(place: DockerPlace, release: ReleaseRef, sum: Hash) {
  let failed: unknown = null;
  const parts = async function* () {
    try {
      for await (const part of await partsOf(place, release)) {
        sum.update(part);
        yield part;
      }
    } catch (error) {
      // What is being sent ends here: whoever sends it asks, and makes nothing of it.
      failed = error;
    }
  };
  return { parts: parts(), failed: () => failed };
}

/** Idempotent. The layer's SHA-256 is computed from the bytes that are sent, and the image's id is put on record. */
export async function materialise(
  engine: Docker,
  place: DockerPlace,
  names: Names,
  release: ReleaseRef,
  locked: Locked,
): Promise<Done | Failure> {
  const tag = tagOf(names, release);
  const keep = (id: string) =>
    remember(names, locked, { release: release.id, layer: release.layer, base: release.image, id });
  const made = await imageOf(engine, names, release);
  if (made !== null) {
    await engine.getImage(made).tag({ repo: REPOSITORY, tag });
    await keep(made);
    return done;
  }
  if (!(await has(engine, release.image))) return missing(release);
  const container = await engine.createContainer({
    Image: release.image,
    WorkingDir: '/app',
    Entrypoint: [],
    Cmd: ['true'],
    NetworkDisabled: true,
    HostConfig: { NetworkMode: 'none' },
    Labels: {
      ...names.labels('release-image'),
      'millwright.release': release.id,
      'millwright.layer': release.layer,
      'millwright.base': release.image,
    },
  });
  try {
    const sum = createHash('sha256');
    const sent = sending(place, release, sum);
    await container
      .putArchive(Readable.from(sent.parts, { objectMode: false }), { path: '/app' })
      .catch((error: unknown) => {
        if (sent.failed() === null) throw error;
      });
    const failed = sent.failed();
    if (failed !== null)
      return failure(
        'digest_mismatch',
        `the layer of ${release.id} cannot be read as ${release.layer}: ${messageOf(failed)}`,
      );
    const digest = `sha256:${sum.digest('hex')}`;
    // Nothing is made of it before its digest is known.
    if (digest !== release.layer)
      return failure(
        'digest_mismatch',
        `release ${release.id} is ${release.layer}, but its bytes are ${digest}: not deployed`,
      );
    const { Id }: { Id: string } = await container.commit({ repo: REPOSITORY, tag, pause: false });
    await keep(Id);
    return done;
  } catch (error) {
    if (statusOf(error) === null) throw error;
    return failure('layer_refused', `the engine refused the layer of ${release.id}: ${messageOf(error)}`);
  } finally {
    await tolerate(container.remove({ force: true, v: true }), 404);
  }
}

export async function has(engine: Docker, image: string): Promise<boolean> {
  try {
    await engine.getImage(image).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

/** Removes the images of this target's releases that are kept no more, never one that a container uses. */
export async function pruneImages(
  engine: Docker,
  names: Names,
  retention: Retention,
  now: number,
  locked: Locked,
): Promise<void> {
  const images = await engine.listImages({ filters: names.filter('millwright.purpose=release-image') });
  const dated = images.map(({ Id, Created }) => ({ id: Id, createdAt: Created * 1_000 }));
  for (const { id } of prunable(dated, retention, now)) {
    // 409: a container stands on it.
    await tolerate(engine.getImage(id).remove(), 404, 409);
  }
  const there = await Promise.all(
    (await readKept(names)).map(async (each) => ((await has(engine, each.id)) ? each.id : null)),
  );
  await locked(async () => {
    const kept = await readKept(names);
    await writeKept(
      names,
      kept.filter((each) => there.includes(each.id)),
    );
  });
}
