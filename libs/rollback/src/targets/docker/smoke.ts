import type Docker from 'dockerode';
import type { Smoked } from '../target.ts';
import { type Found, tail } from './containers.ts';
import { type Names, tolerate } from './place.ts';

/**
 * The repository's smoke command, in a throw-away container of the release's own image, hardened like it, in its network: it reaches the
 * release at 127.0.0.1:$PORT and has none of its secrets or volumes. Null when it did not end in time: that says nothing about the release.
 */
export async function smoke(
  engine: Docker,
  names: Names,
  beside: Found,
  { command, timeoutMs, signal }: { command: string; timeoutMs: number; signal: AbortSignal },
): Promise<Smoked | null> {
  const { Config } = await engine.getContainer(beside.id).inspect();
  const user = names.user('smoke');
  const container = await engine.createContainer({
    Image: Config.Image,
    Entrypoint: [],
    Cmd: ['sh', '-c', command],
    WorkingDir: '/app',
    User: `${user}:${user}`,
    Env: ['HOME=/tmp', `PORT=${beside.port}`, `MILLWRIGHT_RELEASE=${beside.release}`],
    Labels: names.labels('smoke'),
    HostConfig: {
      Init: true,
      NetworkMode: `container:${beside.id}`,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,size=67108864,mode=1777' },
      PidsLimit: 256,
      Memory: 256 << 20,
      MemorySwap: 256 << 20,
      NanoCpus: 1_000_000_000,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    },
  });
  const over = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const stopped = new Promise<null>((resolve) => {
    if (over.aborted) resolve(null);
    over.addEventListener('abort', () => resolve(null), { once: true });
  });
  try {
    await container.start();
    const ended: { StatusCode: number } | null = await Promise.race([container.wait(), stopped]);
    if (ended === null) return null;
    return { exitCode: ended.StatusCode, output: await tail(engine, container.id, 200) };
  } finally {
    await tolerate(container.remove({ force: true, v: true }), 404, 409);
  }
}
