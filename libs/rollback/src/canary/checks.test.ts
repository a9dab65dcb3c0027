import { once } from 'node:events';
import { createServer } from 'node:http';
import { DeployConfig, ReleaseId } from '@millwright/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CheckContext, httpCheck, prometheusCheck, smokeCheck } from './checks.ts';
import { resolveChecks } from './resolve-checks.ts';

// A local stand-in of the Prometheus HTTP API: the query says what it answers.
const vector = (...values: string[]) => ({
  status: 'success',
  data: {
    resultType: 'vector',
    result: values.map((value) => ({ metric: {}, value: [1_700_000_000, value] })),
  },
});
const flips = ['0.9', '0.01'];
const ANSWERS: Record<string, () => [number, unknown]> = {
  low: () => [200, vector('0.01')],
  high: () => [200, vector('0.01', '0.9')],
  none: () => [200, vector()],
  nan: () => [200, vector('NaN')],
  scalar: () => [200, { status: 'success', data: { resultType: 'scalar', result: [1_700_000_000, '0.02'] } }],
  matrix: () => [200, { status: 'success', data: { resultType: 'matrix', result: [] } }],
  error: () => [400, { status: 'error', errorType: 'bad_data', error: 'parse error' }],
  garbage: () => [200, 'not what was asked'],
  huge: () => [200, 'x'.repeat(300_000)],
  'rate{release="rel_aaaaaaaa"}': () => [200, vector('0')],
  comes: () => [200, vector(flips.shift() ?? 'NaN')],
};
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname === '/moved') return response.writeHead(302, { location: '/well' }).end();
  if (pathname === '/well') return response.end('ok');
  if (pathname !== '/prom/api/v1/query') return response.writeHead(404).end();
  const [status, body] = ANSWERS[searchParams.get('query') ?? '']?.() ?? [404, ''];
  return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});
let at = '';
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  at = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const context = (ask: CheckContext['ask'] = async () => ({ ok: true, text: '' })): CheckContext => ({
  release: ReleaseId.parse('rel_aaaaaaaa'),
  signal: new AbortController().signal,
  clock: { now: () => 0, sleep: async () => {} },
  ask,
});

test.each([
  ['low', 'healthy', '0.01: at most 0.05'],
  ['scalar', 'healthy', '0.02'],
  ['rate{release="{{release}}"}', 'healthy', '0'],
  ['high', 'degraded', '0.9, wanted at most 0.05'],
  ['comes', 'inconclusive', 'it comes and goes'],
  ['none', 'inconclusive', 'no data'],
  ['nan', 'inconclusive', 'NaN'],
  ['matrix', 'inconclusive', 'a matrix, not a number'],
  ['error', 'inconclusive', '400'],
  ['garbage', 'inconclusive', 'refuses'],
  ['huge', 'inconclusive', '256 KiB'],
])('a Prometheus query: %s is %s', async (query, kind, reason) => {
  const result = await prometheusCheck({ url: `${at}/prom/`, query, max: 0.05 }).run(context());
  expect(result).toEqual({ kind, reason: expect.stringContaining(reason) });
});

test('Prometheus away is missing data', async () => {
  const away = await prometheusCheck({ url: 'http://127.0.0.1:1', query: 'up', min: 1 }).run(context());
  expect(away).toMatchObject({ kind: 'inconclusive', reason: expect.stringContaining('does not answer') });
});

test('an address, or a path of the release itself; one that comes and goes cannot tell', async () => {
  const run = (where: string, ask?: CheckContext['ask']) => httpCheck(where).run(context(ask));
  expect(await run(`${at}/well`)).toMatchObject({ kind: 'healthy' });
  expect(await run(`${at}/moved`)).toMatchObject({
    kind: 'degraded',
    reason: expect.stringContaining('302'),
  });
  expect(await run('http://127.0.0.1:1/')).toMatchObject({ kind: 'degraded' });
  const asked: string[] = [];
  const second = async (path: string) => ({ ok: asked.push(path) > 1, text: `${path}: 500` });
  expect(await run('/deep', second)).toEqual({
    kind: 'inconclusive',
    reason: 'well only after 1 failures: /deep: 500',
  });
  expect(asked).toEqual(['/deep', '/deep']);
});

test('the smoke command: its exit code decides, and one that cannot be run says nothing', async () => {
  const run = (exitCode: number) =>
    smokeCheck('npm run smoke', async () => ({ exitCode, output: 'said' })).run(context());
  expect(await run(0)).toMatchObject({ kind: 'healthy' });
  expect(await run(2)).toEqual({ kind: 'degraded', reason: 'exit code 2: said' });
  const broken = smokeCheck('x', async () => Promise.reject(new Error('no sandbox')));
  expect(await broken.run(context())).toMatchObject({
    kind: 'inconclusive',
    reason: expect.stringContaining('no sandbox'),
  });
});

test('the repository’s file names them', async () => {
  const checks = [
    { http: '/deep' },
    { prometheus: 'http://prom:9090', query: 'up', min: 1 },
    { smoke: 'npm run smoke' },
  ];
  const config = DeployConfig.parse({ target: 'docker', checks });
  expect(resolveChecks(config).map(({ name, everyMs }) => [name, everyMs])).toEqual([
    ['http /deep', 1_000],
    ['prometheus up', 2_000],
    ['smoke npm run smoke', null],
  ]);
  expect(await resolveChecks(config)[2]?.run(context())).toMatchObject({ kind: 'inconclusive' });
  const wrong = [
    { prometheus: 'file:///etc/passwd', query: 'up', min: 1 },
    { prometheus: 'http://p', query: 'up' },
    { http: 'ftp://x' },
  ];
  for (const check of wrong)
    expect(DeployConfig.safeParse({ target: 'docker', checks: [check] }).success).toBe(false);
});
