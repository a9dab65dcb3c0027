import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReleaseId } from '@millwright/domain';
import type Docker from 'dockerode';
import { type Done, type Failure, failure } from '../../outcome.ts';
import { apply, readStats } from '../../proxy/apply.ts';
import { NO_RECORD, type ProxyRecord, SERVER_HEADER, serverName } from '../../proxy/config.ts';
import { followRequests } from '../../proxy/log.ts';
import { readRecord, writeRecord } from '../../proxy/record.ts';
import { reached } from '../../proxy/socket.ts';
import { countersByRelease, type ServerStat, serves } from '../../proxy/stats.ts';
import { withLock } from '../lock.ts';
import { probe, probeSocket } from '../probe.ts';
import { Fenced, type RunConfig, type Target, type TargetState } from '../target.ts';
import { type Found, findReplicas, removeContainer, startReplicas, tail } from './containers.ts';
import { available, materialise, pruneImages } from './image.ts';
import { readKept } from './kept.ts';
import { connectEngine, type DockerPlace, namesOf, tolerate } from './place.ts';
import { ensureProxy, proxyState } from './proxy.ts';
import { removeTarget } from './remove.ts';
import { pruneSecrets } from './secret-files.ts';
import { smoke } from './smoke.ts';
import { readdressed, weighted } from './weighted.ts';

/** Running requests of a release that is stopped may take this long; then they are cut. */
const DRAIN_MS = 5_000;

/** The `docker` target: containers on this machine's engine behind one HAProxy. Holds no state but the fence it was given. */
export function dockerTarget(place: DockerPlace): Target {
  const engine = connectEngine(place.dockerHost);
  const names = namesOf(place);
  const lockPath = join(names.folder, 'lock');

  const locked = <T>(work: () => Promise<T>) => withLock(lockPath, place.clock, work);

  /** Changes the record, then HAProxy; refused (T4) when a higher fence came since. */
  const change = (fence: number, edit: (record: ProxyRecord) => Promise<ProxyRecord | Failure>) =>
    locked(async (): Promise<Done | Failure> => {
      const record = await readRecord(names.config);
      if (record === null) return failure('proxy_down', 'the target has no proxy yet');
      if (record.fence > fence) throw new Fenced(record.fence);
      const next = await edit(record);
      if ('kind' in next) return next;
      await writeRecord(names.config, next);
      return apply(names.socket, next.servers, place.clock);
    });

  const stats = async (): Promise<ServerStat[] | null> => {
    try {
      return await readStats(names.socket);
    } catch {
      // Missing data is an answer of its own (null), and the callers treat it as such.
      return null;
    }
  };

  const drained = async (release: ReleaseId): Promise<void> => {
    const until = place.clock.now() + DRAIN_MS;
    while (place.clock.now() < until) {
      const busy = (await stats())?.some((stat) => stat.release === release && stat.current > 0);
      if (busy !== true) return;
      await place.clock.sleep(25);
    }
  };

  const stop = async (release: ReleaseId, fence: number): Promise<void> => {
    await change(fence, async (record) => ({
      ...record,
      servers: record.servers.map((each) => (each.release === release ? { ...each, weight: 0 } : each)),
    }));
    await drained(release);
    await change(fence, async (record) => ({
      ...record,
      servers: record.servers.filter((each) => each.release !== release),
    }));
    const found = await findReplicas(engine, names, release);
    await Promise.all(found.map((each) => removeContainer(engine, each.id)));
  };

  /** The engine's containers, or null while it cannot be asked: traffic goes back all the same, to the addresses on record. */
  const foundOrNull = async (): Promise<readonly Found[] | null> => {
    try {
      return await findReplicas(engine, names);
    } catch {
      return null;
    }
  };

  return {
    name: place.repo,
    weighted: true,
    measures: true,
    cannotGoBack: () => null,

    fence: (fence, began = fence) =>
      locked(async () => {
        const record = (await readRecord(names.config)) ?? NO_RECORD;
        if (record.fence > fence) return { kind: 'fenced', by: record.fence };
        if (record.fence < fence) {
          const condemned = record.fence < began ? null : record.condemned;
          await writeRecord(names.config, { ...record, fence, condemned });
        }
        return { kind: 'taken' };
      }),

    ensureProxy: (run: RunConfig) =>
      locked(async () => {
        const up = await ensureProxy(engine, place, names, run);
        const record = await readRecord(names.config);
        if (up.kind === 'failed' || record === null) return up;
        const servers = readdressed(record.servers, await findReplicas(engine, names));
        await writeRecord(names.config, { ...record, servers });
        return apply(names.socket, servers, place.clock);
      }),

    available: (release) => available(engine, place, names, release),
    materialise: (release) => materialise(engine, place, names, release, locked),
    start: (release, run) => startReplicas(engine, names, release, run),

    async probe(release, timeoutMs) {
      const found = await findReplicas(engine, names, release);
      return Promise.all(
        found.map(async ({ name, running, address, port, health, exitCode }) =>
          running && address !== null
            ? { replica: name, ...(await probe(address, port, health, timeoutMs)) }
            : { replica: name, ok: false, ms: 0, text: `not running, exit code ${exitCode ?? 'unknown'}` },
        ),
      );
    },

    shift: (weights, fence, condemn) =>
      change(fence, async (record) => {
        // Going back asks no engine: what served a moment ago has its address on record, and a busy engine takes longer than everything else.
        const onRecord = condemn === undefined ? null : weighted(record.servers, null, weights);
        const servers =
          onRecord === null || 'kind' in onRecord
            ? weighted(record.servers, await foundOrNull(), weights)
            : onRecord;
        return 'kind' in servers ? servers : { ...record, servers, condemned: condemn ?? record.condemned };
      }),

    async counters() {
      const now = await stats();
      return now === null ? null : countersByRelease(now);
    },

    requests: () => followRequests(names.socket),

    async ask(release, path, timeoutMs) {
      const found = await findReplicas(engine, names, release);
      const answers = await Promise.all(
        found.map(({ replica, health }) =>
          reached(names.rehearsal, (socket) =>
            probeSocket(socket, path ?? health, { [SERVER_HEADER]: serverName(release, replica) }, timeoutMs),
          ),
        ),
      );
      return (
        answers.find((each) => !each.ok) ??
        answers[0] ?? { ok: false, ms: 0, text: `release ${release} has no container` }
      );
    },

    async smoke(release, command, timeoutMs, signal) {
      const beside = (await findReplicas(engine, names, release)).find((each) => each.running);
      return beside === undefined ? null : smoke(engine, names, beside, { command, timeoutMs, signal });
    },

    async restart(release, fence) {
      const record = await readRecord(names.config);
      if (record !== null && record.fence > fence) throw new Fenced(record.fence);
      const found = await findReplicas(engine, names, release);
      for (const { id, running, address, port, health } of found) {
        const well = running && address !== null && (await probe(address, port, health, 2_000)).ok;
        if (!well) await tolerate(engine.getContainer(id).restart({ t: 1 }), 404);
      }
    },

    state: () => readState(engine, names, stats),

    async logs(release, maxBytes) {
      // A container that keeps ending says the same at every start: the last start's words, where there are any. Of one that was just started
      // again, why it ended is what it said before.
      const lastSaid = async (each: Found) =>
        (each.running && each.restarts > 0 ? '' : await tail(engine, each.id, 200, each.startedAt)) ||
        tail(engine, each.id, 200);
      const found = await findReplicas(engine, names, release);
      const texts = await Promise.all(found.map(async (each) => `${each.name}:\n${await lastSaid(each)}`));
      return texts.join('\n').slice(-maxBytes);
    },

    stop,

    async retire(keep, retention, fence) {
      const old = (await findReplicas(engine, names)).map((each) => each.release);
      for (const release of new Set(old)) if (!keep.includes(release)) await stop(release, fence);
      const left = (await findReplicas(engine, names)).map((each) => each.release);
      await pruneSecrets(names, left, { now: place.clock.now() });
      await pruneImages(engine, names, retention, place.clock.now(), locked);
    },

    async remove(data) {
      await removeTarget(engine, names, data);
      await pruneSecrets(names, [], 'all');
      if (data) await rm(names.folder, { recursive: true, force: true });
    },
  };
}

async function readState(
  engine: Docker,
  names: ReturnType<typeof namesOf>,
  stats: () => Promise<ServerStat[] | null>,
): Promise<TargetState> {
  const [record, proxy, found, now, kept] = await Promise.all([
    readRecord(names.config),
    proxyState(engine, names),
    findReplicas(engine, names),
    stats(),
    readKept(names),
  ]);
  // Of a release that is not on record (made by an earlier version of the factory) nothing else is known.
  const genuine = ({ release, image }: Found) =>
    kept.find((each) => each.release === release)?.id === image ||
    !kept.some((each) => each.release === release);
  const serving = (now ?? []).filter(serves);
  const total = serving.reduce((sum, stat) => sum + stat.weight, 0);
  const share = new Map<ReleaseId, number>();
  for (const { release, weight } of serving) {
    share.set(release, (share.get(release) ?? 0) + Math.round((weight / total) * 1_000) / 10);
  }
  const releases = [...new Set(found.map((each) => each.release))].map((id) => {
    const replicas = found.filter((each) => each.release === id);
    return {
      id,
      layer: replicas[0]?.layer ?? '',
      replicas: replicas.map((each) => ({
        name: each.name,
        container: each.id,
        running: each.running,
        genuine: genuine(each),
        restarts: each.restarts,
        exitCode: each.exitCode,
        address: each.address,
        weight: now?.find((stat) => stat.release === id && stat.replica === each.replica)?.weight ?? null,
      })),
    };
  });
  return { fence: record?.fence ?? 0, condemned: record?.condemned ?? null, proxy, releases, serving: share };
}
