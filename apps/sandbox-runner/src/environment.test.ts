import { expect, test } from 'vitest';
import { readEnvironment } from './environment.ts';

const set = {
  DATABASE_URL: 'postgres://runner:secret-1@127.0.0.1/m',
  QUEUE_URL: 'postgres://runner:secret-1@127.0.0.1/m',
  MILLWRIGHT_DATA: '/var/lib/millwright',
  MILLWRIGHT_FACTORY: 'fac_1',
  MILLWRIGHT_SANDBOX_IMAGE: 'millwright/sandbox:1',
};

test('what is not set, or set to nothing, has its default', () => {
  expect(readEnvironment({ ...set, ANTHROPIC_API_KEY: '', MILLWRIGHT_RUNNER_CONCURRENCY: '' })).toMatchObject(
    {
      kind: 'environment',
      environment: {
        MILLWRIGHT_RUNNER_CONCURRENCY: 3,
        MILLWRIGHT_LOG_LEVEL: 'info',
        MILLWRIGHT_TEST_MINUTES: 15,
      },
    },
  );
});

test.each([
  ['DATABASE_URL', undefined],
  ['MILLWRIGHT_DATA', 'relative/path'],
  ['MILLWRIGHT_RUNNER_CONCURRENCY', '0'],
  ['MILLWRIGHT_TEST_MINUTES', '0'],
  ['ANTHROPIC_BASE_URL', 'secret-2 is no address'],
  ['MILLWRIGHT_PROVIDER', 'elsewhere'],
])('a wrong %s is named, and no value is told', (name, value) => {
  const read = readEnvironment({ ...set, ANTHROPIC_API_KEY: 'secret-3', [name]: value });
  expect(read.kind === 'bad' && read.problem).toContain(name);
  expect(JSON.stringify(read)).not.toContain('secret');
});

test('where models are asked is read with the names that the clients have', () => {
  const bedrock = { MILLWRIGHT_PROVIDER: 'bedrock', AWS_REGION: 'eu-west-1', ANTHROPIC_API_KEY: 'secret-3' };
  expect(readEnvironment({ ...set, ...bedrock })).toMatchObject({
    endpoint: { kind: 'bedrock', region: 'eu-west-1', baseUrl: null },
  });
  const gateway = { ANTHROPIC_AUTH_TOKEN: 't', ANTHROPIC_BASE_URL: 'https://gate.example' };
  expect(readEnvironment({ ...set, ...gateway })).toMatchObject({
    endpoint: { apiKey: null, authToken: 't', baseUrl: 'https://gate.example' },
  });
});
