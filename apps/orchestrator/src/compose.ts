import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type OpenTrail, openProver, openRedactor, openSealer, openTrail } from '@millwright/audit';
import {
  type Clock,
  FIRST_ADMIN,
  factoryStream,
  type Ids,
  type RepoName,
  type RunId,
  terminal,
} from '@millwright/domain';
import { loadPolicy } from '@millwright/policy';
import { openQueue, queueTrouble } from '@millwright/queue';
import { openReadModel } from '@millwright/read-model';
import type { Target } from '@millwright/rollback';
import { type Lease, openLease, openSecrets, openStore } from '@millwright/store';
import type { Logger } from 'pino';
import { server } from './http/server.ts';
import { Healer } from './incidents/healer.ts';
import { IntakeSubscription } from './intake/subscription.ts';
import { branchOf, fileAt, type Place } from './publish/places.ts';
import { publish } from './publish/publish.ts';
import { sayRestored } from './releases/after-restore.ts';
import { Deployments } from './releases/deployments.ts';
import { callWhoIsOwed } from './releases/freeze.ts';
import { journalIn, OfflineJournal } from './releases/offline-journal.ts';
import { maskedPager, type Pager, webhookPager } from './releases/pager.ts';
import { resumeRedeploys } from './releases/redeploy.ts';
import { keepRollbackCaches } from './releases/rollback-cache.ts';
import { Driver } from './runs/driver.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { GIT_TOKEN } from './source-control/credential.ts';
import { Repositories } from './source-control/repositories.ts';
import { ORCHESTRATOR } from './streams/actor.ts';
import { applyBudgets } from './streams/budgets.ts';
import { Forward } from './streams/forward.ts';
import { knownSecrets, maskedStore } from './streams/known-secrets.ts';
import { LocalLeases } from './streams/local-leases.ts';
import { recordRefusals } from './streams/refusals.ts';
import { Register } from './streams/register.ts';
import { Streams } from './streams/streams.ts';
import { unitsWithRepos } from './streams/units.ts';
import { startSweeps } from './sweeps.ts';
import { VERSION } from './version.ts';
import { Views } from './views/views.ts';

/** How often the import of the offline journal is tried again. Milliseconds. */
const OFFLINE_MS = 2_000;

/** All that one orchestrator is made from. `main.ts` reads it from the environment; the tests give it. */
export type Configuration = {
  /** Its id, and where its trail's checkpoints are said to come from. */
  factory: string;
  origin: string;
  /** The folder that is the orchestrator's alone. */
  dataDir: string;
  databaseUrl: string;
  queueUrl: string;
  /** Null: this factory was not given the role that erases. */
  redactorUrl: string | null;
  adminTokenHash: Uint8Array;
  /** The image that HAProxy runs in. */
  proxyImage: string;
  dockerHost?: string | undefined;
  settings?: Partial<Settings>;
  /** Whether the runners have a key for their model, as far as whoever started them says. */
  modelKey?: boolean | null;
  witnesses?: { vkeys: string[]; quorum: number };
  /** Checkpoints go to a file and to a repository's branch, at most every `everyMs` milliseconds. */
  publish?: { file: string | null; repo: RepoName | null; branch: string; everyMs: number };
  pager: { url: string | undefined } | Pager;
  clock: Clock;
  ids: Ids;
  log: Logger;
  /** Told when somebody else has the database: what is under way is theirs, and the process is to end at once, going back from nothing. */
  onLost?: (reason: string) => void;
  /** Where it is, for people: host and port. */
  place?: string;
  /** Where another orchestrator has the database: waits until that one is gone, instead of refusing to start. */
  standby?: boolean;
  /** Another target than the one of a repository's file, and its clock: for what no real target can be made to do. */
  target?: { make: (repo: RepoName) => Target; clock: Clock };
};

export type Orchestrator = Awaited<ReturnType<typeof compose>>;

/**
 * The orchestrator's graph, made once for the program and for the tests alike. Nothing runs until `start`, which resolves when all is
 * caught up and the API can be listened on. `stop` ends what it can: what is under way is journaled, and resumed by the next start.
 */
export async function compose(config: Configuration) {
  const { clock, ids, log, databaseUrl: url, dataDir } = config;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const onForbidden = (message: string) => refused(message);
  const settings = { ...defaultSettings, ...config.settings };
  const { silentMs } = settings;
  const trail = openTrail({ url, clock, onForbidden, silentMs });
  const refused = recordRefusals({ trail, clock }, log);
  const places = placesOf(config, () => factory.repositories);
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
  const prover = openProver({ url, vkey: () => sealer.vkey() });
  const unmasked = openStore({ url, onForbidden, silentMs });
  const queue = openQueue({
    url: config.queueUrl,
    onError: (error) => log.warn({ err: error }, 'the queue has trouble'),
  });
  const secrets = openSecrets({ store: unmasked, key: await secretsKey(dataDir) });
  const known = knownSecrets(secrets, clock);
  const store = maskedStore(unmasked, known);
  const register = new Register(trail);
  const readModel = openReadModel({
    url,
    trail,
    onParked: (parked) => log.error(parked, 'an entry could not be folded into the read model: it is parked'),
    onTrouble: (error) => log.warn({ err: error }, 'following the trail failed; it is taken up again'),
  });
  const views = new Views(readModel, (parked) =>
    log.error(parked, 'an entry could not be heard by all: it is parked'),
  );
  const incarnation = `o-${randomBytes(6).toString('hex')}`;
  const offlineJournal = OfflineJournal.open(journalIn(dataDir), clock);
  let lease: Lease | null = null;
  const streams = new Streams({
    trail,
    clock,
    mask: known.mask,
    shown: (position) => readModel.shown(position),
  });
  const forward = new Forward(streams);
  const reading: OpenTrail = trail;
  const factory = {
    trail: reading,
    streams,
    sealer,
    prover,
    /** Null: this factory was not given the role that erases. */
    redactor,
    store,
    secrets,
    knownSecrets: known,
    queue,
    clock,
    ids,
    log,
    views,
    register,
    readModel,
    settings,
    /** Whether the runners have a key for their model; null where this orchestrator was not told. */
    modelKey: config.modelKey ?? null,
    repositories: new Repositories(
      join(dataDir, 'repos'),
      async (name) => (await streams.repository(name).look()).added,
      (name) => secrets.get(name, GIT_TOKEN),
    ),
    deployments: new Deployments({
      place: {
        factory: config.factory,
        incarnation,
        dataDir,
        proxyImage: config.proxyImage,
        dockerHost: config.dockerHost,
      },
      artifacts: store.artifacts,
      secrets,
      streams,
      register,
      shown: (position) => readModel.shown(position),
      clock: config.target?.clock ?? clock,
      offlineJournal,
      confirm: async () => lease?.confirm(),
      ...(config.target ? { target: config.target.make } : {}),
    }),
    forward,
    /** Calls a person when going back failed. */
    pager: maskedPager(
      typeof config.pager === 'function' ? config.pager : webhookPager(config.pager.url, clock),
      known,
    ),
    /** One merge, and one deploy, at a time a repository. */
    merges: new LocalLeases<RepoName>(),
    deploys: new LocalLeases<RepoName>(),
    /** Runs that wait for the seal of what allows their next step, and what the sealer says. Beside the trail: a wait is no decision. */
    awaitingCheckpoint: new Map<RunId, string>(),
    /** Runs whose next step has failed more than once and is tried again, and why. */
    retrying: new Map<RunId, string>(),
  };
  const driver = new Driver(factory);
  const intake = new IntakeSubscription(factory, driver);
  const healer = new Healer(factory);
  /** Who has the factory, where it is not this orchestrator. */
  const standing: { by: string | null } = { by: 'nobody yet: this orchestrator is starting' };
  const stopped = new AbortController();
  const standsBy = (by: string) => {
    if (standing.by !== by) log.info({ by }, 'another orchestrator has the factory: this one stands by');
    standing.by = by;
  };
  const app = await server({
    ...{ factory, driver, version: VERSION },
    wakeIntake: () => intake.wake(),
    heldBy: () => standing.by,
  });
  /** What `start` began, and how each is ended; the last begun ends first. */
  const ends: (() => unknown)[] = [];

  return {
    factory,
    driver,
    app,
    incarnation,
    offlineJournal,
    /** Resolves with 'stopped' where it stood by until `stop`. */
    async start(): Promise<'started' | 'stopped'> {
      const trouble = await queueTrouble(config.queueUrl);
      if (trouble !== null) throw terminal('queue-refused', trouble);
      // One orchestrator a database: two would give out the same fence, and undo each other's work.
      lease = await openLease(url, {
        holder: `orchestrator ${incarnation} on ${config.place ?? hostname()}`.slice(0, 63),
        onTaken: (by) => {
          const reason = `another orchestrator has the database now: ${by}`;
          log.fatal(reason);
          standing.by = by;
          config.onLost?.(reason);
          forward.close(reason);
        },
        ...(config.standby === true ? { standby: { held: standsBy, signal: stopped.signal } } : {}),
      });
      if (lease === null) return 'stopped';
      await store.people.bootstrap({
        id: FIRST_ADMIN,
        name: 'admin',
        tokenHash: config.adminTokenHash,
      });
      // What going back did while the trail could not be written comes before anything else.
      const imported = await factory.deployments.importOfflineJournal();
      if (imported > 0) log.warn({ imported }, 'what was journaled beside the trail is on it now');
      const sealing = sealer.start();
      // While it connects: reading the default policy for the first time takes 0.2 s, which the first gate would wait for.
      loadPolicy();
      await sealing;
      await known.now();
      await readModel.start(views);
      await applyBudgets(factory);
      // What people read knows of halts, and of units, before anything has asked.
      await unitsWithRepos(factory);
      await forward.hear();
      await restoreTargets(factory, await sayRestored(factory, dataDir));
      await holdLeftCanaries(factory);
      intake.start();
      ends.push(() => intake.stop());
      await streams.appendShown(factoryStream(), ORCHESTRATOR, () => ({
        type: 'factory.started',
        data: { version: VERSION },
      }));
      const everyMs = config.publish?.everyMs ?? 0;
      const published = publish({ checkpoints: () => sealer, places, everyMs, clock, log });
      ends.push(() => published.stop());
      ends.push(startSweeps(factory));
      healer.start();
      ends.push(() => healer.stop());
      await resumeRedeploys(factory);
      await callWhoIsOwed(factory);
      ends.push(await keepRollbackCaches({ ...factory, listen: (listener) => views.listen(listener) }));
      const offlineTimer = setInterval(() => {
        if (offlineJournal.pending())
          factory.deployments
            .importOfflineJournal()
            .catch((error: unknown) => log.warn({ err: error }, 'the trail is still away'));
      }, OFFLINE_MS);
      ends.push(() => clearInterval(offlineTimer));
      const work = await queue.work(
        'runs',
        1,
        async (id) => driver.drive(id as RunId),
        (error) => log.warn({ err: error }, 'a wake-up failed'),
      );
      ends.push(() => work.stop());
      standing.by = null;
      return 'started';
    },
    /** First traffic: what is on its way to serve has none from then on. */
    async stop(): Promise<void> {
      forward.close('the factory stops');
      stopped.abort();
      await app.close();
      for (const end of ends.reverse()) await end();
      await driver.stop();
      await factory.deploys.settled();
      await queue.close();
      await sealer.stop();
      await prover.close();
      await readModel.stop();
      await redactor?.close();
      await trail.close();
      await store.close();
      offlineJournal.close();
      await lease?.close();
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

type Targets = { deployments: Deployments; forward: Forward; register: Register; log: Logger };

/**
 * Every target that has a live release gets its proxy back; what stands on this engine of targets that the trail does not know goes. After a
 * restore that the trail knows nothing of it says little: then nothing goes, and a target that is frozen is left as it is.
 */
async function restoreTargets(
  { deployments, forward, register, log }: Targets,
  afterRestore: boolean,
): Promise<void> {
  for (const repo of (await register.look()).repositories()) {
    // Read now, so that going back need not read the whole stream first.
    const { frozen } = await forward.target(repo);
    if (afterRestore && frozen !== null) continue;
    const trouble = await deployments.ensure(repo).catch((error: unknown) => String(error));
    if (trouble !== null) log.error({ repo, trouble }, 'the proxy of a target could not be brought back');
  }
  if (afterRestore) return;
  await deployments
    .reap()
    .catch((error: unknown) => log.warn({ err: error }, 'leftovers of former releases could not be removed'));
}

/** What a factory that died had on its way to serve was watched by nobody: its traffic goes back before anything else; its deploy begins anew. */
async function holdLeftCanaries({ deployments, forward, register, log }: Targets): Promise<void> {
  for (const repo of (await register.look()).repositories()) {
    const { canary } = await forward.target(repo);
    // Nobody served before it: it is gone on with at once.
    if (canary === null || canary.held !== null || canary.live === null) continue;
    const gone = canary.aborted;
    const back =
      gone === null
        ? deployments.holdBack(repo, canary, 'its factory had died')
        : deployments.takeBack(repo, canary, `${gone.by} asked for it: ${gone.reason}`);
    await back.catch((error: unknown) =>
      log.error({ repo, err: error }, 'a canary that nobody watched could not be held'),
    );
  }
}

/** Where checkpoints are handed out. */
function placesOf({ publish: to }: Configuration, repositories: () => Repositories): Place[] {
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
