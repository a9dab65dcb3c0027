import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openProver, openRedactor, openSealer, openTrail } from '@millwright/audit';
import {
  type Clock,
  type Ids,
  maskSecrets,
  type RepoName,
  type RunId,
  streamOf,
  terminal,
} from '@millwright/domain';
import { loadPolicy } from '@millwright/policy';
import { openQueue } from '@millwright/queue';
import { openSecrets, openStore } from '@millwright/store';
import { pino } from 'pino';
import { ORCHESTRATOR } from './actor.ts';
import { applyBudgets } from './budgets.ts';
import { resumeUndos } from './deploy/again.ts';
import { Aside } from './deploy/aside.ts';
import { Deployments } from './deploy/deployments.ts';
import { callWhoIsOwed } from './deploy/freeze.ts';
import { Healer } from './deploy/healer.ts';
import { webhookPager } from './deploy/pager.ts';
import { keepWaysBack } from './deploy/way-back.ts';
import { Driver } from './drive/driver.ts';
import { defaultSettings, type Factory } from './drive/factory.ts';
import { Lanes } from './drive/lanes.ts';
import { GIT_TOKEN } from './git/credential.ts';
import { Repositories } from './git/repositories.ts';
import { server } from './http/server.ts';
import { ADMIN } from './http/who.ts';
import { Pump } from './intake/pump.ts';
import { branchOf, fileAt } from './publish/places.ts';
import { publish } from './publish/publish.ts';
import { recordRefusals } from './refusals.ts';
import { VERSION } from './version.ts';
import { World } from './views/world.ts';

// The composition root: the only place of this app that says `new` to an adapter, and that reads the environment.

/** How often what lies beside the trail is tried again. Milliseconds. */
const ASIDE_MS = 2_000;

const need = (name: string): string => {
  const value = process.env[name];
  if (!value) throw terminal('environment', `${name} is not set`);
  return value;
};

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};
const ids: Ids = {
  next: (prefix) =>
    `${prefix}_${Date.now().toString(36).padStart(9, '0')}${BigInt(`0x${randomBytes(6).toString('hex')}`)
      .toString(36)
      .padStart(10, '0')}`,
};

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

const data = join(need('MILLWRIGHT_DATA'), 'orchestrator');
await mkdir(data, { recursive: true, mode: 0o700 });
const log = pino(
  { name: 'orchestrator', level: process.env.MILLWRIGHT_LOG_LEVEL ?? 'info' },
  { write: (line) => process.stdout.write(maskSecrets(line)) },
);

const url = need('DATABASE_URL');
const onForbidden = (message: string) => refused(message);
const trail = openTrail({ url, clock, onForbidden });
const refused = recordRefusals(trail, log);
const sealer = await openSealer({
  url,
  keyFolder: join(data, 'keys'),
  origin: process.env.MILLWRIGHT_ORIGIN ?? `millwright.local/${need('MILLWRIGHT_FACTORY')}`,
  clock,
  ...witnessesFromEnvironment(),
  onState: (state) =>
    state.kind === 'refusing'
      ? log.error({ state }, 'the trail is not sealed: nothing ships until this is mended')
      : log.info({ state: state.kind }, 'the sealer'),
});
const redactorUrl = process.env.MILLWRIGHT_REDACTOR_URL;
const redactor = redactorUrl ? openRedactor({ url: redactorUrl }) : null;
const prover = openProver({ url, vkey: () => sealer.vkey() });
const store = openStore({ url, onForbidden });
const queue = openQueue({
  url: need('QUEUE_URL'),
  onError: (error) => log.warn({ err: error }, 'the queue has trouble'),
});
const secrets = openSecrets({ store, key: await secretsKey(data) });
await store.people.enrol({
  id: ADMIN,
  name: 'admin',
  roles: ['admin', 'author'],
  tokenHash: Buffer.from(need('MILLWRIGHT_ADMIN_TOKEN_HASH'), 'hex'),
});

const world = new World();
const incarnation = `o-${randomBytes(6).toString('hex')}`;
const place = {
  factory: need('MILLWRIGHT_FACTORY'),
  incarnation,
  dataDir: data,
  proxyImage: need('MILLWRIGHT_SANDBOX_IMAGE'),
  dockerHost: process.env.DOCKER_HOST,
};
const aside = await Aside.open(join(data, 'aside.journal'), clock);
const factory: Factory = {
  trail,
  sealer,
  prover,
  redactor,
  store,
  secrets,
  queue,
  clock,
  ids,
  log,
  world,
  settings: { ...defaultSettings, ...settingsFromEnvironment() },
  repositories: new Repositories(
    join(data, 'repos'),
    (name) => world.repo(name),
    (name) => secrets.get(name, GIT_TOKEN),
  ),
  deployments: new Deployments({ place, artifacts: store.artifacts, secrets, trail, world, clock, aside }),
  pager: webhookPager(process.env.MILLWRIGHT_PAGE_URL, clock),
  merges: new Lanes<RepoName>(),
  deploys: new Lanes<RepoName>(),
  unsealed: new Map(),
};
const driver = new Driver(factory);
const pump = new Pump(factory, driver);
const healer = new Healer(factory);

/** `MILLWRIGHT_WITNESSES`: verifier keys of witnesses, with spaces between; `MILLWRIGHT_WITNESS_QUORUM`: how many must cosign (default: all). */
function witnessesFromEnvironment() {
  const vkeys = (process.env.MILLWRIGHT_WITNESSES ?? '').split(/\s+/).filter((one) => one !== '');
  const quorum = Number(process.env.MILLWRIGHT_WITNESS_QUORUM ?? vkeys.length);
  if (!Number.isInteger(quorum) || quorum < 0 || quorum > vkeys.length)
    throw terminal('environment', `MILLWRIGHT_WITNESS_QUORUM is a number from 0 to ${vkeys.length}`);
  return vkeys.length === 0 ? {} : { witnesses: { vkeys, quorum } };
}

/**
 * `MILLWRIGHT_PUBLISH_FILE`: a path; `MILLWRIGHT_PUBLISH_REPO`: a repository of this factory, on whose branch `MILLWRIGHT_PUBLISH_BRANCH`
 * (default millwright/checkpoints) each is a commit; `MILLWRIGHT_PUBLISH_MS`: at most so often (default a minute).
 */
function publishing() {
  const { MILLWRIGHT_PUBLISH_FILE: file, MILLWRIGHT_PUBLISH_REPO: repo } = process.env;
  const branch = process.env.MILLWRIGHT_PUBLISH_BRANCH ?? 'millwright/checkpoints';
  const inRepo = repo ? [branchOf(() => factory.repositories.open(repo as RepoName), branch)] : [];
  const everyMs = Number(process.env.MILLWRIGHT_PUBLISH_MS ?? 60_000);
  if (!(everyMs >= 0)) throw terminal('environment', 'MILLWRIGHT_PUBLISH_MS is a number of milliseconds');
  const places = [...(file ? [fileAt(file)] : []), ...inRepo];
  return publish({ checkpoints: () => factory.sealer, places, everyMs, clock, log });
}

/** Waits may be set shorter, in milliseconds, for demonstrations and tests. */
function settingsFromEnvironment(): Partial<Factory['settings']> {
  const ms = (name: string): number | undefined =>
    process.env[name] ? Number(process.env[name]) : undefined;
  const given = {
    runMs: ms('MILLWRIGHT_RUN_MS'),
    gateMs: ms('MILLWRIGHT_GATE_MS'),
    questionMs: ms('MILLWRIGHT_QUESTION_MS'),
    sealMs: ms('MILLWRIGHT_SEAL_MS'),
    healMs: ms('MILLWRIGHT_HEAL_MS'),
  };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && Number.isFinite(value)),
  );
}

// What going back did while the trail could not be written comes before anything else.
const imported = await factory.deployments.importAside();
if (imported > 0) log.warn({ imported }, 'what was journaled beside the trail is on it now');
const sealing = sealer.start();
// While it connects: reading the default policy for the first time takes 0.2 s, which the first gate would wait for.
loadPolicy();
await sealing;
await pump.catchUp();
await applyBudgets(factory);
for (const repo of world.targets.keys()) {
  const trouble = await factory.deployments.ensure(repo).catch((error: unknown) => String(error));
  if (trouble !== null) log.error({ repo, trouble }, 'the proxy of a target could not be brought back');
}
await factory.deployments
  .reap()
  .catch((error: unknown) => log.warn({ err: error }, 'leftovers of former releases could not be removed'));
const factoryStream = await trail.read(streamOf.factory());
await trail.append({
  stream: streamOf.factory(),
  expectedVersion: factoryStream.length,
  actor: ORCHESTRATOR,
  entries: [{ type: 'factory.started', data: { version: VERSION } }],
});
await pump.start();
const published = publishing();
healer.start();
resumeUndos(factory);
callWhoIsOwed(factory);
const stopKeeping = keepWaysBack(factory);
const asideTimer = setInterval(() => {
  if (aside.pending())
    factory.deployments
      .importAside()
      .catch((error: unknown) => log.warn({ err: error }, 'the trail is still away'));
}, ASIDE_MS);
const finished = await queue.work(
  'runs',
  1,
  async (id) => driver.drive(id as RunId),
  (error) => log.warn({ err: error }, 'a wake-up failed'),
);
const app = await server({ factory, driver, version: VERSION, wakeIntake: () => pump.wake() });
await app.listen({ host: '127.0.0.1', port: Number(need('PORT')) });
log.info({ port: need('PORT'), incarnation }, 'the orchestrator is ready');

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  // What is under way is journaled: stopping in the middle of it is like a crash, which the next start resumes.
  setTimeout(() => process.exit(0), 6_000).unref();
  await app.close();
  clearInterval(asideTimer);
  await finished.stop();
  await healer.stop();
  await pump.stop();
  await driver.stop();
  await factory.deploys.over();
  await stopKeeping();
  await queue.close();
  await Promise.all([published.stop(), sealer.stop()]);
  await prover.close();
  await redactor?.close();
  await trail.close();
  await store.close();
  process.exit(0);
}
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
