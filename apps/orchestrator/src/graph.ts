import { hostname } from 'node:os';
import type { OpenTrail, Prover, Redactor, Sealer, WritableTrail } from '@millwright/audit';
import {
  type Clock,
  FIRST_ADMIN,
  factoryStream,
  type Ids,
  type Queue,
  type RepoName,
  type RunId,
  terminal,
  VERSION,
} from '@millwright/domain';
import { loadPolicy } from '@millwright/policy';
import type { ReadModel } from '@millwright/read-model';
import type { Lease, LeaseOptions, Secrets, Store } from '@millwright/store';
import type { Logger } from 'pino';
import { Healer } from './incidents/healer.ts';
import { IntakeSubscription } from './intake/subscription.ts';
import { Outside } from './outside/outside.ts';
import { type OpenForge, Places } from './outside/places.ts';
import type { Place } from './publish/places.ts';
import { publish } from './publish/publish.ts';
import type { sayRestored } from './releases/after-restore.ts';
import { Deployments } from './releases/deployments.ts';
import { callWhoIsOwed } from './releases/freeze.ts';
import type { OfflineJournal } from './releases/offline-journal.ts';
import { maskedPager, type Pager } from './releases/pager.ts';
import { resumeRedeploys } from './releases/redeploy.ts';
import { keepRollbackCaches } from './releases/rollback-cache.ts';
import type { Targets } from './releases/targets.ts';
import { Driver } from './runs/driver.ts';
import { Turns } from './runs/turns.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { GIT_TOKEN } from './source-control/credential.ts';
import type { Repositories, TokenOf, WhereIs } from './source-control/repositories.ts';
import { ORCHESTRATOR } from './streams/actor.ts';
import { applyBudgets } from './streams/budgets.ts';
import { Forward } from './streams/forward.ts';
import { type KnownSecrets, maskedStore } from './streams/known-secrets.ts';
import { LocalLeases } from './streams/local-leases.ts';
import { Register } from './streams/register.ts';
import { Runners } from './streams/runners.ts';
import { Streams } from './streams/streams.ts';
import { unitsWithRepos } from './streams/units.ts';
import { startSweeps } from './sweeps.ts';
import { Views } from './views/views.ts';

/** How often the import of the offline journal is tried again. Milliseconds. */
const OFFLINE_MS = 2_000;

/** What an orchestrator touches the outside by. Opened by whoever makes the graph, and closed with it. */
export type Adapters = {
  clock: Clock;
  ids: Ids;
  log: Logger;
  trail: WritableTrail;
  sealer: Sealer;
  prover: Prover;
  /** Null: this factory was not given the role that erases. */
  redactor: Redactor | null;
  /** As the database has it; what is masked in it is masked here. */
  store: Store;
  secrets: Secrets;
  known: KnownSecrets;
  queue: Queue;
  readModel: ReadModel;
  offlineJournal: OfflineJournal;
  repositories(whereIs: WhereIs, tokenOf: TokenOf): Repositories;
  targets: Targets;
  /** Of the watch of what is brought out. */
  targetClock: Clock;
  pager: Pager;
  /** A place outside, as a repository is connected to it. */
  forge: OpenForge;
  /** Takes the database for this orchestrator alone; see `openLease`. */
  lease(options: LeaseOptions): Promise<Lease | null>;
  /** Why its database cannot be used, or is another factory's; null where it can. */
  databaseTrouble(): Promise<string | null>;
  /** Of its data folder. Bytes. */
  disk(): Promise<{ free: number; of: number }>;
  /** Why its queue cannot be used; null where it can. */
  queueTrouble(): Promise<string | null>;
  /** Where checkpoints are handed out, at most every `everyMs` milliseconds. */
  published: { places: readonly Place[]; everyMs: number };
  /** Whether this is the first start after a restore; told on the trail, once. */
  restored(ports: Parameters<typeof sayRestored>[0]): Promise<boolean>;
};

/** What one orchestrator is set to. */
export type GraphSettings = {
  /** Its name among those that share the database, never used before. */
  incarnation: string;
  adminTokenHash: Uint8Array;
  settings?: Partial<Settings>;
  /** Whether the runners have a key for their model, as far as whoever started them says. */
  modelKey?: boolean | null;
  /** Told when somebody else has the database: what is under way is theirs, and the process is to end at once, going back from nothing. */
  onLost?: (reason: string) => void;
  /** Where it is, for people: host and port. */
  place?: string;
  /** Where another orchestrator has the database: waits until that one is gone, instead of refusing to start. */
  standby?: boolean;
};

export type Graph = ReturnType<typeof graph>;

/**
 * One orchestrator without its API, over whatever its ports are. Nothing runs until `start`, which resolves when all is caught up. `stop` ends what
 * it can: what is under way is journaled, and resumed by the next start.
 */
export function graph(adapters: Adapters, config: GraphSettings) {
  const {
    clock,
    ids,
    log,
    trail,
    sealer,
    prover,
    redactor,
    secrets,
    known,
    queue,
    readModel,
    offlineJournal,
  } = adapters;
  const store = maskedStore(adapters.store, known);
  const register = new Register(trail);
  const views = new Views(readModel, (parked) =>
    log.error(parked, 'an entry could not be heard by all: it is parked'),
  );
  let lease: Lease | null = null;
  const streams = new Streams({
    trail,
    clock,
    mask: known.mask,
    shown: (position) => readModel.shown(position),
  });
  const forward = new Forward(streams);
  const reading: OpenTrail = trail;
  const runners = new Runners({ forward, log, queue, store, trail });
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
    settings: { ...defaultSettings, ...config.settings },
    /** Whether the runners have a key for their model; null where this orchestrator was not told. */
    modelKey: config.modelKey ?? null,
    repositories: adapters.repositories(
      async (name) => (await streams.repository(name).look()).added,
      (name) => secrets.get(name, GIT_TOKEN),
    ),
    deployments: new Deployments({
      targets: adapters.targets,
      artifacts: store.artifacts,
      secrets,
      streams,
      register,
      shown: (position) => readModel.shown(position),
      clock: adapters.targetClock,
      offlineJournal,
      confirm: async () => lease?.confirm(),
    }),
    forward,
    /** Calls a person when going back failed. */
    pager: maskedPager(adapters.pager, known),
    /** One merge, and one deploy, at a time a repository. */
    merges: new LocalLeases<RepoName>(),
    deploys: new LocalLeases<RepoName>(),
    /** Runs that wait for the seal of what allows their next step, and what the sealer says. Beside the trail: a wait is no decision. */
    awaitingCheckpoint: new Map<RunId, string>(),
    /** Runs whose next step has failed more than once and is tried again, and why. */
    retrying: new Map<RunId, string>(),
    runners,
    disk: adapters.disk,
    turns: new Turns({ forward, runners, streams }),
  };
  const driver = new Driver(factory);
  factory.turns.onGiven((run) => driver.drive(run));
  const intake = new IntakeSubscription(factory, driver);
  const places = new Places(secrets, adapters.forge);
  const outside = new Outside(factory, places, () => intake.wake());
  const healer = new Healer(factory);
  /** Who has the factory, where it is not this orchestrator. */
  const standing: { by: string | null } = { by: 'nobody yet: this orchestrator is starting' };
  const stopped = new AbortController();
  const standsBy = (by: string) => {
    if (standing.by !== by) log.info({ by }, 'another orchestrator has the factory: this one stands by');
    standing.by = by;
  };
  /** What `start` began, and how each is ended; the last begun ends first. */
  const ends: (() => unknown)[] = [];

  return {
    factory,
    driver,
    wakeIntake: () => intake.wake(),
    outside: {
      places,
      poll: (repo: RepoName) => outside.poll(repo),
      delayOf: (repo: RepoName) => outside.delayOf(repo),
    },
    heldBy: () => standing.by,
    /** Resolves with 'stopped' where it stood by until it was told to go. */
    async start(): Promise<'started' | 'stopped'> {
      const refused = await adapters.databaseTrouble();
      if (refused !== null) throw terminal('database-refused', refused);
      const trouble = await adapters.queueTrouble();
      if (trouble !== null) throw terminal('queue-refused', trouble);
      // One orchestrator a database: two would give out the same fence, and undo each other's work.
      lease = await adapters.lease({
        holder: `orchestrator ${config.incarnation} on ${config.place ?? hostname()}`.slice(0, 63),
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
      await restoreTargets(factory, await adapters.restored(factory));
      await holdLeftCanaries(factory);
      await runners.start(() => factory.turns.settle());
      ends.push(() => runners.stop());
      await intake.start();
      ends.push(() => intake.stop());
      await streams.appendShown(factoryStream(), ORCHESTRATOR, () => ({
        type: 'factory.started',
        data: { version: VERSION },
      }));
      const published = publish({ ...adapters.published, checkpoints: () => sealer, clock, log });
      ends.push(() => published.stop());
      ends.push(startSweeps(factory));
      outside.start();
      ends.push(() => outside.stop());
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
    /** First traffic: what is on its way to serve has none from then on, and nothing begins any more. */
    letGo(): void {
      forward.close('the factory stops');
      stopped.abort();
    },
    async stop(): Promise<void> {
      this.letGo();
      for (const end of ends.reverse()) await end();
      await driver.stop();
      await factory.deploys.settled();
      await queue.close();
      await sealer.stop();
      await prover.close();
      await readModel.stop();
      await redactor?.close();
      await trail.close();
      await adapters.store.close();
      offlineJournal.close();
      await lease?.close();
    },
  };
}

type Deployed = { deployments: Deployments; forward: Forward; register: Register; log: Logger };

/**
 * Every target that has a live release gets its proxy back; what stands on this engine of targets that the trail does not know goes. After a
 * restore that the trail knows nothing of it says little: then nothing goes, and a target that is frozen is left as it is.
 */
async function restoreTargets(
  { deployments, forward, register, log }: Deployed,
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
async function holdLeftCanaries({ deployments, forward, register, log }: Deployed): Promise<void> {
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
