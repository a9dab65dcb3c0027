import { expect, it } from 'vitest';
import {
  hasModelKey,
  migrateEnv,
  orchestratorEnv,
  ordinaryEnv,
  providerProblem,
  runnerEnv,
} from './environment.ts';

const shell = {
  PATH: '/bin',
  npm_config_registry: 'https://registry.example',
  HTTPS_PROXY: 'http://proxy',
  ANTHROPIC_API_KEY: 'MODEL-KEY',
  MILLWRIGHT_MODEL_PLAN: 'claude-x',
  MILLWRIGHT_TOKEN: 'PERSON-TOKEN',
  MILLWRIGHT_GATE_MS: '1000',
  SSH_AUTH_SOCK: '/agent',
  AWS_SECRET_ACCESS_KEY: 'CLOUD-KEY',
  GITHUB_TOKEN: 'GIT-TOKEN',
};
const shared = { factory: 'fac_1', image: 'image:1', dockerHost: undefined };
const orchestrator = orchestratorEnv(shell, {
  ...shared,
  databaseUrl: 'postgres://orchestrator:OP@h/d',
  redactorUrl: 'postgres://redactor:DP@h/d',
  queueUrl: 'postgres://orchestrator:OP@h/d',
  data: '/data',
  port: 1,
  tokenHash: 'HASH',
  recordedUrl: null,
});
const runner = (recordedUrl: string | null) =>
  runnerEnv(shell, {
    ...shared,
    databaseUrl: 'postgres://runner:RP@h/d',
    queueUrl: 'postgres://runner:RP@h/d',
    data: '/data',
    recordedUrl,
  });
const holds = (env: Record<string, string>, ...secrets: string[]) =>
  secrets.filter((secret) => JSON.stringify(env).includes(secret));
const ALL = [
  'MODEL-KEY',
  'PERSON-TOKEN',
  'CLOUD-KEY',
  'GIT-TOKEN',
  'OP@',
  'DP@',
  'RP@',
  'MP@',
  'HASH',
  '/agent',
];

it('gives each process its own secrets and nobody elses', () => {
  const migrate = migrateEnv(shell, {
    url: 'postgres://migrator:MP@h/d',
    passwords: { orchestrator: 'o', runner: 'r', redactor: 'd' },
  });
  expect(holds(orchestrator, ...ALL)).toEqual(['OP@', 'DP@', 'HASH', '/agent']);
  expect(holds(runner(null), ...ALL)).toEqual(['MODEL-KEY', 'RP@']);
  expect(holds(runner('http://r'), ...ALL)).toEqual(['RP@']);
  expect(holds(migrate, ...ALL)).toEqual(['MP@']);
  expect(holds(ordinaryEnv(shell), ...ALL)).toEqual([]);
});

it('hands on how to reach the outside, and settings by their names', () => {
  expect(orchestrator).toMatchObject({
    HTTPS_PROXY: 'http://proxy',
    MILLWRIGHT_GATE_MS: '1000',
  });
  expect(orchestrator).not.toHaveProperty('MILLWRIGHT_MODEL_PLAN');
  expect(orchestrator).not.toHaveProperty('npm_config_registry');
  expect(runner(null)).toHaveProperty('npm_config_registry');
  expect(runner(null)).toMatchObject({ MILLWRIGHT_MODEL_PLAN: 'claude-x', MILLWRIGHT_DATA: '/data' });
  expect(runner('http://r')).toMatchObject({
    ANTHROPIC_BASE_URL: 'http://r',
    MILLWRIGHT_MODEL_PLAN: 'recorded/plan',
    MILLWRIGHT_MODEL_DEPLOY: 'recorded/deploy',
  });
  const env = { MILLWRIGHT_MODEL_PLAN: 'recorded/a,recorded/b' };
  const given = {
    factory: 'f',
    image: 'i',
    databaseUrl: 'd',
    queueUrl: 'q',
    data: '/data',
    recordedUrl: 'http://r',
    dockerHost: undefined,
  };
  expect(runnerEnv(env, given)).toMatchObject({ MILLWRIGHT_MODEL_PLAN: 'recorded/a,recorded/b' });
});

it("hands a cloud's credentials to the runner alone, and only where models are asked there", () => {
  const cloud = (MILLWRIGHT_PROVIDER: string) => {
    const env = {
      ...shell,
      MILLWRIGHT_PROVIDER,
      AWS_REGION: 'eu-west-1',
      GOOGLE_APPLICATION_CREDENTIALS: '/g',
    };
    const given = { ...shared, databaseUrl: 'd', queueUrl: 'q', data: '/data', recordedUrl: null };
    return runnerEnv(env, given);
  };
  expect(holds(cloud('bedrock'), 'CLOUD-KEY', 'MODEL-KEY', '/g')).toEqual(['CLOUD-KEY']);
  expect(cloud('bedrock')).toMatchObject({ MILLWRIGHT_PROVIDER: 'bedrock', AWS_REGION: 'eu-west-1' });
  expect(holds(cloud('vertex'), 'CLOUD-KEY', 'MODEL-KEY', '/g')).toEqual(['/g']);
  expect(holds(cloud('anthropic'), 'CLOUD-KEY', 'MODEL-KEY', '/g')).toEqual(['MODEL-KEY']);
  expect(hasModelKey({ MILLWRIGHT_PROVIDER: 'bedrock' })).toBe(true);
  expect(hasModelKey({ MILLWRIGHT_PROVIDER: 'toString' })).toBe(false);
  expect(providerProblem({ MILLWRIGHT_PROVIDER: 'azure' })).toBe(
    'MILLWRIGHT_PROVIDER=azure is no provider; there are anthropic, bedrock, vertex',
  );
  for (const name of ['', 'anthropic', 'vertex'])
    expect(providerProblem({ MILLWRIGHT_PROVIDER: name })).toBeNull();
});
