// Each process gets an environment made for it, with its own secrets and nobody else's: nothing is inherited wholesale.

type Env = Record<string, string | undefined>;
type Given = Record<string, string>;

/** What any program needs to run here: no secrets among them. Proxies say how to reach the outside. */
const ORDINARY = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'TMPDIR',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'XDG_RUNTIME_DIR',
];
const NETWORK = /^(https?_proxy|no_proxy|all_proxy)$/i;
/** Names the package registry, and may hold its credential: for the runner's *prepare* alone. */
const NPM = /^npm_config_.+$/i;
const ROLES = ['plan', 'implement', 'review', 'test', 'deploy'] as const;

const MODEL = /^MILLWRIGHT_MODEL_/;
/** The CLI's own variables, and secrets of one process. */
const NOT_THE_ORCHESTRATORS = /^MILLWRIGHT_(MODEL_.*|TOKEN|URL|DATA|REDACTOR_URL|.*_PASSWORD)$/;
const NOT_THE_RUNNERS =
  /^MILLWRIGHT_(TOKEN|URL|DATA|PAGE_URL|ADMIN_TOKEN_HASH|REDACTOR_URL|.*_PASSWORD|.*_SECRET|.*_KEY)$/;

const picked = (env: Env, wanted: (name: string) => boolean): Given =>
  Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined && wanted(pair[0])),
  );

const ordinary = (env: Env): Given => picked(env, (name) => ORDINARY.includes(name) || NETWORK.test(name));
const some = (values: Record<string, string | undefined>): Given => picked(values, () => true);

export type Shared = { factory: string; dockerHost: string | undefined; image: string | undefined };

const shared = (from: Shared): Given =>
  some({
    MILLWRIGHT_FACTORY: from.factory,
    DOCKER_HOST: from.dockerHost,
    MILLWRIGHT_SANDBOX_IMAGE: from.image,
  });

/** What lets into the bucket that large artifacts lie in. */
const bucketAccess = (env: Env): Given =>
  env.MILLWRIGHT_ARTIFACTS?.startsWith('s3:') ? picked(env, (name) => name.startsWith('AWS_')) : {};

export function migrateEnv(
  env: Env,
  given: { url: string; passwords: { orchestrator: string; runner: string; redactor: string } },
): Given {
  return {
    ...ordinary(env),
    MIGRATE_URL: given.url,
    MILLWRIGHT_ORCHESTRATOR_PASSWORD: given.passwords.orchestrator,
    MILLWRIGHT_RUNNER_PASSWORD: given.passwords.runner,
    MILLWRIGHT_REDACTOR_PASSWORD: given.passwords.redactor,
  };
}

/** The orchestrator pushes to repositories, so it may use the shell's ssh agent; it never holds the model's key. */
export function orchestratorEnv(
  env: Env,
  given: Shared & {
    databaseUrl: string;
    redactorUrl: string;
    queueUrl: string;
    data: string;
    port: number;
    tokenHash: string;
    recordedUrl: string | null;
  },
): Given {
  return {
    ...ordinary(env),
    ...picked(
      env,
      (name) =>
        name === 'SSH_AUTH_SOCK' || (name.startsWith('MILLWRIGHT_') && !NOT_THE_ORCHESTRATORS.test(name)),
    ),
    ...shared(given),
    ...bucketAccess(env),
    DATABASE_URL: given.databaseUrl,
    MILLWRIGHT_REDACTOR_URL: given.redactorUrl,
    QUEUE_URL: given.queueUrl,
    MILLWRIGHT_DATA: given.data,
    PORT: String(given.port),
    MILLWRIGHT_ADMIN_TOKEN_HASH: given.tokenHash,
    // Whether there is a key, never the key: so that nothing is started that no model would answer.
    MILLWRIGHT_MODEL_AUTH: hasModelKey(env) || given.recordedUrl !== null ? 'set' : 'missing',
  };
}

/** Where models are asked, and what lets in there: what the runner alone gets (libs/agents has what each means). */
const MODEL_ACCESS: Readonly<Record<string, RegExp>> = {
  bedrock: /^(ANTHROPIC_(CUSTOM_HEADERS|BEDROCK_.*)|AWS_.*)$/,
  vertex: /^(ANTHROPIC_(CUSTOM_HEADERS|VERTEX_.*)|GOOGLE_.*|CLOUDSDK_CONFIG|CLOUD_ML_REGION)$/,
};

/** What is wrong with the place where models are to be asked, or null: the runner would say it too, once the rest is started. */
export function providerProblem({ MILLWRIGHT_PROVIDER: name = '' }: Env): string | null {
  const known = ['anthropic', ...Object.keys(MODEL_ACCESS)];
  return name === '' || known.includes(name)
    ? null
    : `MILLWRIGHT_PROVIDER=${name} is no provider; there are ${known.join(', ')}`;
}

/** Whether a factory that is started from this environment could ask a model. A cloud's credentials may lie in files: the runner looks for them. */
export const hasModelKey = (env: Env): boolean =>
  Object.hasOwn(MODEL_ACCESS, env.MILLWRIGHT_PROVIDER ?? '') ||
  Boolean(env.ANTHROPIC_API_KEY || env.ANTHROPIC_AUTH_TOKEN);

/** The model's address and key as the SDK has them, or the recorded server's. The runner never holds a git or deploy credential. */
export function runnerEnv(
  env: Env,
  given: Shared & { databaseUrl: string; queueUrl: string; data: string; recordedUrl: string | null },
): Given {
  const access = MODEL_ACCESS[env.MILLWRIGHT_PROVIDER ?? ''] ?? /^ANTHROPIC_/;
  const claude = picked(env, (name) => access.test(name) || MODEL.test(name));
  const recorded = (url: string): Given => ({
    MILLWRIGHT_PROVIDER: 'anthropic',
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'recorded',
    ...Object.fromEntries(
      ROLES.map((role) => {
        const name = `MILLWRIGHT_MODEL_${role.toUpperCase()}`;
        // Which recorded models is the user's to say; that they are recorded is not.
        return [name, env[name]?.startsWith('recorded/') ? env[name] : `recorded/${role}`];
      }),
    ),
  });
  return {
    ...ordinary(env),
    ...picked(
      env,
      (name) =>
        NPM.test(name) ||
        (name.startsWith('MILLWRIGHT_') && !MODEL.test(name) && !NOT_THE_RUNNERS.test(name)),
    ),
    ...(given.recordedUrl === null ? claude : recorded(given.recordedUrl)),
    ...shared(given),
    ...bucketAccess(env),
    DATABASE_URL: given.databaseUrl,
    QUEUE_URL: given.queueUrl,
    MILLWRIGHT_DATA: given.data,
  };
}

/** For the recorded model, and for what is not told more yet. */
export const ordinaryEnv = (env: Env): Given => ordinary(env);
