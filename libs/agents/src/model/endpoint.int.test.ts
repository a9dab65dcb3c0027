import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runRole } from '../run-role.ts';
import { startBedrock, startVertex } from '../testing/clouds.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { Catalog } from './catalog.ts';
import { AnthropicClient } from './client.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';

// Each place where models are asked, at its wire: what lets in, what a name becomes, and what each refusal is told as. Nothing refused is paid.

const SUBMIT = `{ submit: { summary: Done., commitMessage: Do it } }`;
const SCRIPT = `role: implement\nturns:\n  - think: Look first.\n    tools: [{ bash: echo one }]\n  - expect: ['one']\n    think: Then.\n    tools: [{ bash: echo two }]\n  - tools: [${SUBMIT}]`;
const MODEL = 'claude-opus-5-5';

let h: Harness;
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  h = await harness(SCRIPT, { key: 'k' });
  closing = [];
  for (const name of ['AWS_BEARER_TOKEN_BEDROCK', 'AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_REGION'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDRIGHT');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'aws-secret');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing) await close();
  await h[Symbol.asyncDispose]();
});

async function bedrock(): Promise<{ endpoint: Endpoint; asked: string[] }> {
  const given = { recorded: h.server.url, keyId: 'AKIDRIGHT', bearer: 'BEDROCK' };
  const { url, asked, close } = await startBedrock({ ...given, noAccess: 'claude-fable-5' });
  closing.push(close);
  return { endpoint: { kind: 'bedrock', region: 'us-east-1', baseUrl: `${url}/anthropic` }, asked };
}

/** With credentials of a workload's own identity provider, as GOOGLE_APPLICATION_CREDENTIALS names them. */
async function vertex(subject = 'right', project = 'proj'): Promise<{ endpoint: Endpoint; asked: string[] }> {
  const { url, asked, close } = await startVertex({ recorded: h.server.url, subject: 'right' });
  closing.push(close);
  const file = (name: string) => join(h.workspace.folder, name);
  await writeFile(file('subject'), subject);
  const credentials = {
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `${url}/token`,
    credential_source: { file: file('subject') },
  };
  await writeFile(file('google.json'), JSON.stringify(credentials));
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file('google.json'));
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', project);
  return { endpoint: { kind: 'vertex', project, region: 'global', baseUrl: `${url}/v1` }, asked };
}

const run = (endpoint: Endpoint, models = [MODEL]) =>
  runRole(h.options('implement', { client: new AnthropicClient(endpoint), models }));
const check = (endpoint: Endpoint, model = MODEL) =>
  new AnthropicClient(endpoint).check(model, new AbortController().signal);
const SUBMITTED = { kind: 'submitted', turns: 3, model: MODEL };

test('Bedrock: signed with the AWS chain or let in by a bearer token, by the names that it has', async () => {
  const { endpoint, asked } = await bedrock();
  expect(await run(endpoint)).toMatchObject(SUBMITTED);
  expect(asked).toEqual(Array(3).fill('/anthropic/v1/messages anthropic.claude-opus-5-5'));
  expect(h.budget.spent).toBeGreaterThan(0);
  expect(h.server.requests().every((one) => one.status === 200 && one.thinkingDropped === 0)).toBe(true);
  vi.stubEnv('AWS_BEARER_TOKEN_BEDROCK', 'BEDROCK');
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  expect(await check(endpoint)).toEqual({ kind: 'there' });
  expect(asked.at(-1)).toBe('/anthropic/v1/messages/count_tokens anthropic.claude-opus-5-5');
});

test('Vertex: the token that Google gives for the credentials, project, region and model in the path', async () => {
  const { endpoint, asked } = await vertex();
  expect(await check(endpoint)).toEqual({ kind: 'there' });
  expect(await run(endpoint)).toMatchObject(SUBMITTED);
  const path = '/v1/projects/proj/locations/global/publishers/anthropic/models';
  expect(asked).toEqual([
    `${path}/count-tokens:rawPredict`,
    ...Array(3).fill(`${path}/claude-opus-5-5:streamRawPredict`),
  ]);
});

test('a gateway: by its base URL, with a bearer token and headers of its own', async () => {
  const seen: (string | undefined)[][] = [];
  const gateway = createServer(async (request, response) => {
    const { authorization, 'x-team': team, 'x-api-key': key } = request.headers;
    seen.push([request.url, authorization, String(team), key as string | undefined]);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const answer = await fetch(`${h.server.url}${request.url?.replace('/claude', '')}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': 'k' },
      body: Buffer.concat(chunks),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => gateway.close(() => resolve())));
  vi.stubEnv('ANTHROPIC_CUSTOM_HEADERS', 'X-Team: factory');
  const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/claude`;
  const read = endpointOf({ ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: 'gate' });
  if (read.kind === 'bad') throw new Error(read.problem);
  expect(await run(read.endpoint)).toMatchObject(SUBMITTED);
  expect(seen[0]).toEqual(['/claude/v1/messages', 'Bearer gate', 'factory', undefined]);
});

test.each<[string, () => Promise<Endpoint>, string, string, RegExp]>([
  [
    'Bedrock, a key that is wrong',
    async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDWRONG');
      return (await bedrock()).endpoint;
    },
    MODEL,
    'auth',
    /UnrecognizedClientException 403.*security token.*invalid.*AWS_BEARER_TOKEN_BEDROCK.*AWS_REGION/,
  ],
  [
    'Bedrock, a model without access',
    async () => (await bedrock()).endpoint,
    'claude-fable-5',
    'model',
    /AccessDeniedException 403.*don't have access to the model/,
  ],
  [
    'Bedrock, a model that is not there',
    async () => (await bedrock()).endpoint,
    'recorded/none',
    'model',
    /404.*recorded\/none does not exist.*MILLWRIGHT_MODEL_<ROLE>/,
  ],
  [
    'Vertex, credentials that Google does not take',
    async () => (await vertex('wrong')).endpoint,
    MODEL,
    'auth',
    /nobody was asked.*invalid_grant.*GOOGLE_APPLICATION_CREDENTIALS/,
  ],
  [
    'Vertex, credentials that are not there',
    async () => {
      const { endpoint } = await vertex();
      vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '/nowhere/google.json');
      return endpoint;
    },
    MODEL,
    'auth',
    /nobody was asked.*\/nowhere\/google\.json.*GOOGLE_APPLICATION_CREDENTIALS/,
  ],
  [
    'Vertex, a project that is not ours',
    async () => (await vertex('right', 'theirs')).endpoint,
    MODEL,
    'auth',
    /PERMISSION_DENIED 403.*project theirs.*ANTHROPIC_VERTEX_PROJECT_ID/,
  ],
  [
    'Vertex, a model that is gone',
    async () => (await vertex()).endpoint,
    'claude-gone-1',
    'model',
    /NOT_FOUND 404.*claude-gone-1 was not found/,
  ],
])('%s: told once, checked the same, and nothing paid', async (_, make, model, kind, detail) => {
  const endpoint = await make();
  const facts = { input: 1, output: 1, cacheRead: 1, context: 200_000, maxOutput: 8_000 };
  const catalog = Catalog.parse({ [model]: facts });
  const client = new AnthropicClient(endpoint);
  const result = await runRole(h.options('implement', { client, models: [model], catalog }));
  expect(result).toMatchObject({ kind: 'unavailable', code: kind, retryable: false });
  expect(JSON.stringify(result)).toMatch(detail);
  expect(JSON.stringify(result)).not.toContain('aws-secret');
  expect(await check(endpoint, model)).toMatchObject({
    kind: 'failed',
    failure: { kind, spent: 'nothing', detail: expect.stringMatching(detail) },
  });
  expect(h.budget.spent).toBe(0);
  expect(h.server.requests()).toEqual([]);
});

test.each([
  [{ MILLWRIGHT_PROVIDER: 'bedrock' }, /AWS_REGION is not set/],
  [{ MILLWRIGHT_PROVIDER: 'vertex', CLOUD_ML_REGION: 'global' }, /ANTHROPIC_VERTEX_PROJECT_ID is not set/],
  [{ MILLWRIGHT_PROVIDER: 'vertex', ANTHROPIC_VERTEX_PROJECT_ID: 'p' }, /CLOUD_ML_REGION is not set/],
  [{}, /ANTHROPIC_API_KEY is not set/],
])('what is missing is named before anybody is asked: %o', async (env, detail) => {
  const read = endpointOf(env);
  if (read.kind === 'bad') throw new Error(read.problem);
  expect(JSON.stringify(await run(read.endpoint))).toMatch(detail);
  expect(JSON.stringify(await check(read.endpoint))).toMatch(detail);
});

test('a provider that there is not is named', () => {
  expect(endpointOf({ MILLWRIGHT_PROVIDER: 'azure' })).toEqual({
    kind: 'bad',
    problem: expect.stringMatching(/azure is no provider; there are anthropic, bedrock, vertex/),
  });
});

test.each([
  [400, 'Your credit balance is too low to access the Anthropic API.', 'billing', /retry the run/],
  [402, 'Payment required.', 'billing', /retry the run/],
  [403, 'Your key may not use the model claude-opus-5-5.', 'model', /no access to this model/],
])('Anthropic, %i "%s": told once, no second call, nothing paid', async (status, message, code, more) => {
  const text = JSON.stringify(message);
  await using refusing = await harness(
    `role: implement\nturns:\n  - fault: { status: ${status}, message: ${text}, times: 9 }\n    tools: [${SUBMIT}]`,
  );
  const result = await runRole(refusing.options('implement'));
  expect(result).toMatchObject({ kind: 'unavailable', code, retryable: false });
  expect(JSON.stringify(result)).toMatch(more);
  expect(refusing.server.requests()).toHaveLength(1);
  expect(refusing.budget.spent).toBe(0);
});
