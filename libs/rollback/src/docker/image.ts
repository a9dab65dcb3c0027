import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import { messageOf } from '../effect.ts';
import { prunable, type Retention } from '../retention.ts';
import { type Done, done, type Failure, failure, type ReleaseRef } from '../target.ts';
import { type DockerPlace, type Names, statusOf, tolerate } from './place.ts';

// A release's image: the base image with the layer's files at /app. Its tag is computed from what is inside (layer and base), so
// that the tag existing means the image is right, and two repositories never disagree about it.

/** The image's reference on the engine. */
export function imageOf(names: Names, release: ReleaseRef): string {
  const content = createHash('sha256')
    .update(`${names.network}\n${release.layer}\n${release.image}`)
    .digest('hex');
  return `millwright/release:${content.slice(0, 40)}`;
}

/** The image is there, or what it is made of is. */
export async function available(
  engine: Docker,
  place: DockerPlace,
  names: Names,
  release: ReleaseRef,
): Promise<Done | Failure> {
  if (await has(engine, imageOf(names, release))) return done;
  if (!(await has(engine, release.image))) return missing(release);
  try {
    await place.artifacts.get(release.layer);
    return done;
  } catch (error) {
    return failure('image_missing', `the layer of ${release.id} cannot be read: ${messageOf(error)}`);
  }
}

const missing = (release: ReleaseRef): Failure =>
  failure('image_missing', `the engine has no image ${release.image}, on which release ${release.id} stands`);

/** Idempotent. The layer's SHA-256 is computed from the bytes that are sent. */
export async function materialise(
  engine: Docker,
  place: DockerPlace,
  names: Names,
  release: ReleaseRef,
): Promise<Done | Failure> {
  const tag = imageOf(names, release);
  if (await has(engine, tag)) return done;
  if (!(await has(engine, release.image))) return missing(release);
  let bytes: Uint8Array;
  try {
    bytes = await place.artifacts.get(release.layer);
  } catch (error) {
    return failure(
      'digest_mismatch',
      `the layer of ${release.id} cannot be read as ${release.layer}: ${messageOf(error)}`,
    );
  }
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (digest !== release.layer)
    return failure(
      'digest_mismatch',
      `release ${release.id} is ${release.layer}, but its bytes are ${digest}: not deployed`,
    );
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
    await container.putArchive(Buffer.from(bytes), { path: '/app' });
    const [repo, version] = tag.split(':');
    await container.commit({ repo, tag: version, pause: false });
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
): Promise<void> {
  const images = await engine.listImages({ filters: names.filter('millwright.purpose=release-image') });
  const dated = images.map(({ Id, Created }) => ({ id: Id, createdAt: Created * 1_000 }));
  for (const { id } of prunable(dated, retention, now)) {
    // 409: a container stands on it.
    await tolerate(engine.getImage(id).remove(), 404, 409);
  }
}
