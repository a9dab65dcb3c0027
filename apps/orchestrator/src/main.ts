import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DriveError, maskSecrets, type RepoName, terminal } from '@millwright/domain';
import { pino } from 'pino';
import { type Configuration, compose } from './compose.ts';
import { defaultSettings, type Settings } from './settings.ts';

// The program: the only place of this app that reads the environment.

const need = (name: string): string => {
  const value = process.env[name];
  if (!value) throw terminal('environment', `${name} is not set`);
  return value;
};

/** Values of secrets are known once the database was read. */
let mask = (line: string): string => line;
const log = pino(
  { name: 'orchestrator', level: process.env.MILLWRIGHT_LOG_LEVEL ?? 'info' },
  { write: (line) => process.stdout.write(mask(maskSecrets(line))) },
);

const address = { host: process.env.MILLWRIGHT_LISTEN || '127.0.0.1', port: Number(need('PORT')) };
const standby = standbyFromEnvironment();
let stopping = false;
const orchestrator = await compose({
  factory: need('MILLWRIGHT_FACTORY'),
  origin: process.env.MILLWRIGHT_ORIGIN ?? `millwright.local/${need('MILLWRIGHT_FACTORY')}`,
  dataDir: join(need('MILLWRIGHT_DATA'), 'orchestrator'),
  databaseUrl: need('DATABASE_URL'),
  queueUrl: need('QUEUE_URL'),
  artifacts: process.env.MILLWRIGHT_ARTIFACTS ?? '',
  redactorUrl: process.env.MILLWRIGHT_REDACTOR_URL || null,
  adminTokenHash: Buffer.from(need('MILLWRIGHT_ADMIN_TOKEN_HASH'), 'hex'),
  proxyImage: need('MILLWRIGHT_SANDBOX_IMAGE'),
  dockerHost: process.env.DOCKER_HOST,
  settings: settingsFromEnvironment(),
  modelKey: { set: true, missing: false }[process.env.MILLWRIGHT_MODEL_AUTH ?? ''] ?? null,
  ...witnessesFromEnvironment(),
  publish: publishFromEnvironment(),
  pager: { url: process.env.MILLWRIGHT_PAGE_URL || undefined },
  clock: {
    now: () => Date.now(),
    sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
  },
  ids: {
    next: (prefix) =>
      `${prefix}_${Date.now().toString(36).padStart(9, '0')}${BigInt(`0x${randomBytes(6).toString('hex')}`)
        .toString(36)
        .padStart(10, '0')}`,
  },
  log,
  // Not stopped: that would go back from a canary which is another's now.
  onLost: () => process.exit(1),
  place: `${hostname()}:${address.port}`,
  standby,
});
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
// Whoever stands by says so to whoever asks.
if (standby) await orchestrator.app.listen(address);
const started = await orchestrator.start().catch((error: unknown) => {
  if (stopping) return 'stopped';
  if (
    !(error instanceof DriveError) ||
    !['held-by-another', 'queue-refused', 'database-refused'].includes(error.code)
  )
    throw error;
  log.fatal(error.message);
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
mask = orchestrator.factory.knownSecrets.mask;
if (started === 'started' && !standby) await orchestrator.app.listen(address);
if (started === 'started')
  log.info({ port: address.port, incarnation: orchestrator.incarnation }, 'the orchestrator is ready');

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  // What is under way is journaled: stopping in the middle of it is like a crash, which the next start resumes.
  setTimeout(() => process.exit(0), 6_000).unref();
  await orchestrator.stop();
  process.exit(0);
}

/** `MILLWRIGHT_STANDBY=wait`: where another orchestrator has the factory, wait for its end and take over. */
function standbyFromEnvironment(): boolean {
  const { MILLWRIGHT_STANDBY: said = '' } = process.env;
  if (said !== '' && said !== 'wait')
    throw terminal('environment', `MILLWRIGHT_STANDBY is "wait" or not set, and not "${said}"`);
  return said === 'wait';
}

/** `MILLWRIGHT_WITNESSES`: verifier keys of witnesses, with spaces between; `MILLWRIGHT_WITNESS_QUORUM`: how many must cosign (default: all). */
function witnessesFromEnvironment(): Pick<Configuration, 'witnesses'> {
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
function publishFromEnvironment(): NonNullable<Configuration['publish']> {
  const { MILLWRIGHT_PUBLISH_FILE: file, MILLWRIGHT_PUBLISH_REPO: repo } = process.env;
  const everyMs = Number(process.env.MILLWRIGHT_PUBLISH_MS ?? 60_000);
  if (!(everyMs >= 0)) throw terminal('environment', 'MILLWRIGHT_PUBLISH_MS is a number of milliseconds');
  const branch = process.env.MILLWRIGHT_PUBLISH_BRANCH ?? 'millwright/checkpoints';
  return { file: file || null, repo: (repo || null) as RepoName | null, branch, everyMs };
}

/**
 * Waits may be set shorter, in milliseconds, for demonstrations and tests. `MILLWRIGHT_STAGE_TURNS`, `…_CONVERSATIONS`, `…_MINUTES` and `…_USD`: what one stage may
 * take.
 */
function settingsFromEnvironment(): Partial<Settings> {
  const ms = (name: string): number | undefined =>
    process.env[name] ? Number(process.env[name]) : undefined;
  const given = {
    runMs: ms('MILLWRIGHT_RUN_MS'),
    gateMs: ms('MILLWRIGHT_GATE_MS'),
    questionMs: ms('MILLWRIGHT_QUESTION_MS'),
    sealMs: ms('MILLWRIGHT_SEAL_MS'),
    healMs: ms('MILLWRIGHT_HEAL_MS'),
  };
  const minutes = ms('MILLWRIGHT_STAGE_MINUTES');
  const stage = {
    turns: ms('MILLWRIGHT_STAGE_TURNS'),
    wallMs: minutes === undefined ? undefined : minutes * 60_000,
    usd: ms('MILLWRIGHT_STAGE_USD'),
    conversations: ms('MILLWRIGHT_STAGE_CONVERSATIONS'),
  };
  const set = (values: Readonly<Record<string, number | undefined>>) =>
    Object.fromEntries(
      Object.entries(values).filter(([, value]) => value !== undefined && Number.isFinite(value)),
    );
  return { ...set(given), attempt: { ...defaultSettings.attempt, ...set(stage) } };
}
