import { randomBytes } from 'node:crypto';
import { mkdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openProver, openRedactor, openSealer, openTrail } from '@millwright/audit';
import { openGitHub } from '@millwright/connect';
import type { Clock, Ids, RepoName } from '@millwright/domain';
import { VERSION } from '@millwright/domain';
import { openQueue, queueTrouble } from '@millwright/queue';
import { openReadModel } from '@millwright/read-model';
import type { Target } from '@millwright/rollback';
import { artifactPlace, databaseTrouble, openLease, openSecrets, openStore } from '@millwright/store';
import type { Logger } from 'pino';
import { type GraphSettings, graph } from './graph.ts';
import { server } from './http/server.ts';
import { branchOf, fileAt, type Place } from './publish/places.ts';
import { sayRestored } from './releases/after-restore.ts';
import { journalIn, OfflineJournal } from './releases/offline-journal.ts';
import { type Pager, webhookPager } from './releases/pager.ts';
import { targetsOf } from './releases/targets.ts';
import { defaultSettings } from './settings.ts';
import { Repositories } from './source-control/repositories.ts';
import { knownSecrets } from './streams/known-secrets.ts';
import { recordRefusals } from './streams/refusals.ts';

/** All that one orchestrator is made from. `main.ts` reads it from the environment; the tests give it. */
export type Configuration = Omit<GraphSettings, 'incarnation'> & {
  /** Its id, and where its trail's checkpoints are said to come from. */
  factory: string;
  origin: string;
  /** The folder that is the orchestrator's alone. */
  dataDir: string;
  databaseUrl: string;
  queueUrl: string;
  /** Where large artifacts lie (`artifactPlace`); in the database where it is not said. */
  artifacts?: string;
  /** Null: this factory was not given the role that erases. */
  redactorUrl: string | null;
  /** The image that HAProxy runs in. */
  proxyImage: string;
  dockerHost?: string | undefined;
  witnesses?: { vkeys: string[]; quorum: number };
  /** Checkpoints go to a file and to a repository's branch, at most every `everyMs` milliseconds. */
  publish?: { file: string | null; repo: RepoName | null; branch: string; everyMs: number };
  pager: { url: string | undefined } | Pager;
  clock: Clock;
  ids: Ids;
  log: Logger;
  /** Another target than the one of a repository's file, and its clock: for what no real target can be made to do. */
  target?: { make: (repo: RepoName) => Target; clock: Clock };
};

export type Orchestrator = Awaited<ReturnType<typeof compose>>;

/**
 * The orchestrator with its real adapters and its API, made once for the program and for the tests alike. Nothing runs until `start`, which
 * resolves when all is caught up and the API can be listened on. `stop` ends what it can: what is under way is journaled, and resumed by the next start.
 */
export async function compose(config: Configuration) {
  const { clock, ids, log, databaseUrl: url, dataDir } = config;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const onForbidden = (message: string) => refused(message);
  const { silentMs } = { ...defaultSettings, ...config.settings };
  const trail = openTrail({ url, clock, onForbidden, silentMs });
  const refused = recordRefusals({ trail, clock }, log);
  const places = placesOf(config.publish, () => made.factory.repositories);
  const sealer = await openSealer({
    url,
    keyFolder: join(dataDir, 'keys'),
    origin: config.origin,
    clock,
    ...(config.witnesses ? { witnesses: config.witnesses } : {}),
    published: () => publishedAt(places, log),
    onState: (state) =>
      state.kind === 'refusing'
        ? log.error({ state }, 'the trail is not sealed: nothing ships until this is mended')
        : log.info({ state: state.kind }, 'the sealer'),
  });
  const redactor = config.redactorUrl === null ? null : openRedactor({ url: config.redactorUrl });
  const artifacts = await artifactPlace(config.artifacts ?? '');
  const store = openStore({ url, onForbidden, silentMs, place: artifacts });
  const secrets = openSecrets({ store, key: await secretsKey(dataDir) });
  const incarnation = `o-${randomBytes(6).toString('hex')}`;
  const { factory, proxyImage, dockerHost, target } = config;
  const targetClock = target?.clock ?? clock;
  const place = { factory, incarnation, dataDir, proxyImage, dockerHost };
  const targets = targetsOf(place, store.artifacts, targetClock);
  const offlineJournal = OfflineJournal.open(journalIn(dataDir), clock);
  const made = graph(
    {
      ...{ clock, ids, log, trail, sealer, redactor, store, secrets, offlineJournal, targetClock },
      prover: openProver({ url, vkey: () => sealer.vkey() }),
      known: knownSecrets(secrets, clock),
      queue: openQueue({
        url: config.queueUrl,
        onError: (error) => log.warn({ err: error }, 'the queue has trouble'),
      }),
      readModel: openReadModel({
        url,
        trail,
        onParked: (parked) =>
          log.error(parked, 'an entry could not be folded into the read model: it is parked'),
        onTrouble: (error) => log.warn({ err: error }, 'following the trail failed; it is taken up again'),
      }),
      repositories: (whereIs, tokenOf) => new Repositories(join(dataDir, 'repos'), whereIs, tokenOf),
      targets: target === undefined ? targets : { ...targets, of: target.make },
      pager: typeof config.pager === 'function' ? config.pager : webhookPager(config.pager.url, clock),
      forge: ({ api, project }, token) => openGitHub({ api, project, token }, { clock }),
      lease: (options) => openLease(url, options),
      databaseTrouble: () => databaseTrouble(url, { role: 'orchestrator', factory, place: artifacts }),
      disk: async () => {
        const { bavail, blocks, bsize } = await statfs(dataDir);
        return { free: bavail * bsize, of: blocks * bsize };
      },
      queueTrouble: () => queueTrouble(config.queueUrl),
      published: { places, everyMs: config.publish?.everyMs ?? 0 },
      restored: (ports) => sayRestored(ports, dataDir),
    },
    { ...config, incarnation },
  );
  const app = await server({
    ...{ factory: made.factory, driver: made.driver, version: VERSION },
    ...{ wakeIntake: made.wakeIntake, heldBy: made.heldBy, outside: made.outside },
  });
  return {
    ...{ factory: made.factory, driver: made.driver, app, incarnation, offlineJournal, start: made.start },
    /** First traffic: what is on its way to serve has none from then on. */
    async stop(): Promise<void> {
      made.letGo();
      await app.close();
      await made.stop();
      artifacts?.close();
    },
  };
}

/** The key that repositories' secrets are encrypted with; made once, outside the database, readable by its owner alone. */
async function secretsKey(folder: string): Promise<Uint8Array> {
  const file = join(folder, 'secrets.key');
  try {
    await writeFile(file, randomBytes(32), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFile(file);
}

/** Where checkpoints are handed out. */
function placesOf(to: Configuration['publish'], repositories: () => Repositories): Place[] {
  const { file = null, repo = null, branch = '' } = to ?? {};
  return [
    ...(file === null ? [] : [fileAt(file)]),
    ...(repo === null ? [] : [branchOf(() => repositories().open(repo), branch)]),
  ];
}

/** What was handed out before. A place that cannot be read now says nothing; putting the next one there fails too. */
async function publishedAt(places: readonly Place[], log: Logger) {
  const found = await Promise.all(
    places.map(async (place) => ({
      place: place.name,
      note: await place.latest().catch((error: unknown) => {
        log.warn({ err: error, place: place.name }, 'what was published there could not be read');
        return null;
      }),
    })),
  );
  return found.flatMap(({ place, note }) => (note === null ? [] : [{ place, note }]));
}
