import { writeFile } from 'node:fs/promises';
import { arch, hostname, platform } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AnthropicClient, Breaker, DEFAULT_RETRY } from '@millwright/agents';
import { openRunnerTrail } from '@millwright/audit';
import {
  AttemptId,
  type Clock,
  knownSecrets,
  labelsOf,
  maskSecrets,
  RunnerName,
  type RunnerSaid,
  type Topic,
  VERSION,
} from '@millwright/domain';
import { openQueue, queueTrouble } from '@millwright/queue';
import { openSandboxes } from '@millwright/sandbox';
import { artifactPlace, databaseTrouble, openStore } from '@millwright/store';
import { javascript } from '@millwright/toolchains';
import { pino } from 'pino';
import { HaltWatch } from './attempt/halts.ts';
import { runAttempt } from './attempt/run-attempt.ts';
import type { Runner } from './attempt/runner.ts';
import { readCatalog } from './catalog.ts';
import { checkModels, forgetRoles, tellRoles } from './check-models.ts';
import { readEnvironment } from './environment.ts';
import { newIncarnation, reapDead } from './incarnation.ts';
import { maskedArtifacts, maskedTrail } from './known-secrets.ts';
import { createPrepare, evict } from './prepare/index.ts';
import { sayLatest } from './say-latest.ts';
import { memoryOf } from './verify/base-memory.ts';

// The composition root: the only place of this app that says `new` to an adapter, and that reads the environment.

/** SIGTERM hands attempts back and ends well within the 10 s that whoever started us waits. */
const DRAIN_MS = 8_000;
/** Leftovers of runners killed beside us are gone within 60 s. */
const REAP_MS = 30_000;
/** A key is taken back, a model is retired: doctor says so within this time. */
const CHECK_MS = 10 * 60_000;
const ALIVE_MS = 10_000;
/** A runner that is drained takes nothing after this time. */
const DRAINED_MS = 500;
/** A database that crashed and is back knows of this runner within this time. */
const SAY_MS = 2_000;

const read = readEnvironment(process.env);
if (read.kind === 'bad') {
  process.stderr.write(`${read.problem}\n`);
  process.exit(2);
}
const { environment, endpoint } = read;
/** What is known as secret, once the store is open. */
let mask = (text: string) => text;
const log = pino(
  { name: 'runner', level: environment.MILLWRIGHT_LOG_LEVEL },
  { write: (line) => process.stdout.write(mask(maskSecrets(line))) },
);
const place = await artifactPlace(environment.MILLWRIGHT_ARTIFACTS).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
});
const trouble =
  (await databaseTrouble(environment.DATABASE_URL, {
    role: 'runner',
    factory: environment.MILLWRIGHT_FACTORY,
    place,
  })) ?? (await queueTrouble(environment.QUEUE_URL));
if (trouble !== null) {
  process.stderr.write(`${trouble}\n`);
  process.exit(1);
}
const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
};
const incarnation = await newIncarnation();
const sandboxes = await openSandboxes({
  data: environment.MILLWRIGHT_DATA,
  factory: environment.MILLWRIGHT_FACTORY,
  incarnation,
  image: environment.MILLWRIGHT_SANDBOX_IMAGE,
  note: (event) => log.info(event, 'sandbox'),
  cleanUp: 'behind',
});
const trail = await openRunnerTrail({
  url: environment.DATABASE_URL,
  clock,
  incarnation,
  unrecorded: (reason, why) => log.error({ reason, why }, 'the database refused what a runner may not do'),
});
const store = openStore({ url: environment.DATABASE_URL, onForbidden: trail.refused, place });
const known = knownSecrets(store.secretFinder, clock);
mask = known.mask;
const queue = openQueue({
  url: environment.QUEUE_URL,
  onError: (error) => log.warn({ err: error }, 'the queue has trouble'),
});
const machine = hostname()
  .replace(/[^A-Za-z0-9._-]+/g, '-')
  .replace(/^[^A-Za-z0-9]+/, '')
  .slice(0, 63);
const name = environment.MILLWRIGHT_RUNNER_NAME ?? RunnerName.parse(machine || 'runner');
const halts = new HaltWatch(trail, clock, name);
const sayOfModels = (key: string, said: string | null) => store.notes.say(key, said);
const runner: Runner = {
  trail: maskedTrail(trail, known),
  halts,
  halted: new Map(),
  labels: labelsOf({ labels: environment.MILLWRIGHT_RUNNER_LABELS, platform: platform(), arch: arch() }),
  artifacts: maskedArtifacts(store.artifacts, known),
  known,
  budget: store.budget,
  queue,
  sandboxes,
  prepare: createPrepare(sandboxes, javascript.installing),
  client: new AnthropicClient({
    ...endpoint,
    ...(environment.MILLWRIGHT_STALL_MS === undefined ? {} : { stallMs: environment.MILLWRIGHT_STALL_MS }),
  }),
  breaker: new Breaker(clock),
  ...(environment.MILLWRIGHT_CALL_TRIES === undefined
    ? {}
    : { retry: { ...DEFAULT_RETRY, tries: environment.MILLWRIGHT_CALL_TRIES } }),
  suiteMs: environment.MILLWRIGHT_TEST_MINUTES * 60_000,
  ...(environment.MILLWRIGHT_CONVERSATION_TURNS === undefined
    ? {}
    : { conversationTurns: environment.MILLWRIGHT_CONVERSATION_TURNS }),
  clock,
  toolchain: javascript,
  memory: memoryOf(join(environment.MILLWRIGHT_DATA, 'runner', 'verified')),
  catalog: () => readCatalog(join(environment.MILLWRIGHT_DATA, 'models.json')),
  models: process.env,
  doing: sayLatest((attempt, text) => store.notes.say(`doing/${attempt}`, text), log),
  answered: tellRoles(sayOfModels),
  note: (event, fields) => (event === 'activity' ? log.debug(fields, event) : log.info(fields, event)),
};

const watching = halts.watch();
const stop = new AbortController();
const running = new Set<Promise<void>>();
/** How many calls are at work on each attempt. */
const atWork = new Map<string, number>();

/** A wake-up names an attempt; who holds it already, or finds it closed, does nothing. A fault of one attempt is no fault of the runner. */
async function wake(id: string): Promise<void> {
  const attempt = AttemptId.safeParse(id);
  if (!attempt.success) return;
  // Where the trail cannot be read, the attempt cannot be claimed either, and that is said.
  if (!(await takesWork().catch(() => true))) return queue.wake('attempts', id); // for others
  // It may be woken for everybody and by its name: what is beyond its places is for others, whom the orchestrator wakes.
  if (atWork.size >= environment.MILLWRIGHT_RUNNER_CONCURRENCY && !atWork.has(id)) return;
  const work = runAttempt(runner, attempt.data, stop.signal).catch((error: unknown) =>
    log.error({ err: error, attempt: id }, 'the attempt could not be closed'),
  );
  running.add(work);
  // A doubled wake-up of an attempt ends at once, and is not the end of the first.
  atWork.set(id, (atWork.get(id) ?? 0) + 1);
  await work.finally(() => {
    running.delete(work);
    const left = (atWork.get(id) ?? 1) - 1;
    if (left === 0) atWork.delete(id);
    else atWork.set(id, left);
  });
}

let work: Awaited<ReturnType<typeof queue.work>>[] = [];
let takes = 'takes';
/** Whether it takes work, as of now. A runner of another version than its factory takes none: what it would hand in may mean something else there. */
async function takesWork(): Promise<boolean> {
  const now = await halts.takes();
  const said = typeof now === 'string' ? now : `version ${now.factoryIs}`;
  // A wake-up may come while the queue is being opened.
  if (work.length > 0 && said !== takes) {
    takes = said;
    if (now === 'takes') for (const one of work) one.resume();
    else await Promise.all(work.map((one) => one.pause()));
    if (typeof now === 'object')
      log.error(
        `this runner is of version ${VERSION}, and its factory of ${now.factoryIs}: it takes nothing. Bring it to version ${now.factoryIs} and start it again, or upgrade the orchestrator`,
      );
    else log.info({ name }, now === 'drained' ? 'drained: it takes nothing' : 'it takes work again');
  }
  return now === 'takes';
}

async function reapQuietly(): Promise<void> {
  await reapDead(sandboxes, new Set(atWork.keys())).then(
    (reaped) => {
      if (reaped.containers + reaped.volumes + reaped.mounts > 0) log.info(reaped, 'leftovers removed');
    },
    (error: unknown) => log.warn({ err: error }, 'leftovers could not be removed'),
  );
  await evict(sandboxes.engine).catch((error: unknown) =>
    log.warn({ err: error }, 'what nobody used could not be removed'),
  );
}

await reapQuietly();
// What every first sandbox needs of the image is looked for before there is one; where it fails, the attempt that needs it says why.
sandboxes.resolveImage().catch((error: unknown) => log.warn({ err: error }, 'the image cannot be looked at'));
const reaping = setInterval(reapQuietly, REAP_MS);
const checkQuietly = () =>
  checkModels(runner, sayOfModels).then(
    (unasked) => {
      for (const { roles, detail } of unasked) log.error({ roles, detail }, 'no model can be asked');
      // Whoever started this process says it where it was started.
      if (unasked.length > 0) process.send?.({ unasked });
    },
    (error: unknown) => log.warn({ err: error }, 'the models could not be checked'),
  );
await forgetRoles(sayOfModels);
void checkQuietly();
const checking = setInterval(checkQuietly, CHECK_MS);
const { MILLWRIGHT_RUNNER_CONCURRENCY: concurrency } = environment;
const listen = (topic: Topic) =>
  queue.work(topic, concurrency, wake, (error) => log.warn({ err: error }, 'a wake-up failed'));
work = await Promise.all([listen('attempts'), listen(`attempts-${name}`)]);
const said: RunnerSaid = {
  name,
  incarnation,
  version: VERSION,
  concurrency,
  platform: platform(),
  arch: arch(),
  labels: environment.MILLWRIGHT_RUNNER_LABELS,
  since: clock.now(),
};
/** Again and again: what is beside the trail is lost with a database that crashes. */
const sayItself = () =>
  store.notes
    .say(`runner/${incarnation}`, JSON.stringify(said))
    .catch((error: unknown) => log.warn({ err: error }, 'it could not be said that the runner is there'));
await sayItself();
const saying = setInterval(sayItself, SAY_MS);
log.info({ name, incarnation, concurrency, labels: said.labels }, 'the runner is ready');

const draining = setInterval(
  () => void takesWork().catch((error: unknown) => log.debug({ err: error }, 'the halts cannot be read')),
  DRAINED_MS,
);

const { MILLWRIGHT_ALIVE_FILE: aliveFile } = environment;
const alive = () => {
  if (aliveFile !== undefined)
    writeFile(aliveFile, `${incarnation}\n`).catch((error: unknown) =>
      log.warn({ err: error }, 'the file that says it lives could not be written'),
    );
};
alive();
const living = setInterval(alive, ALIVE_MS);

let stopping = false;
async function end(signal: string): Promise<void> {
  if (stopping) return;
  stopping = true;
  log.info({ signal, attempts: running.size }, 'the runner stops');
  clearInterval(reaping);
  clearInterval(checking);
  clearInterval(living);
  clearInterval(draining);
  clearInterval(saying);
  setTimeout(() => process.exit(1), DRAIN_MS).unref();
  // First no more wake-ups: those for what is handed back are for others.
  const stopped = work.map((one) => one.stop());
  stop.abort(new Error('the runner stops'));
  await Promise.all([...running, ...stopped]);
  halts.close();
  await store.notes.say(`runner/${incarnation}`, null).catch(() => undefined); // its life ends with its session anyway
  await watching;
  await sandboxes.close();
  await Promise.all([trail.close(), queue.close(), store.close()]);
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal));
