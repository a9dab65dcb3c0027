import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AnthropicClient, BUILT_IN } from '@millwright/agents';
import { startRecorded } from '@millwright/agents/recorded';
import { expect, test } from 'vitest';
import { checkModels, type ModelCheck, tellRoles } from './check-models.ts';

const ALL = Object.fromEntries(
  ['PLAN', 'IMPLEMENT', 'REVIEW', 'TEST', 'DEPLOY'].map((role) => [`MILLWRIGHT_MODEL_${role}`, 'recorded/a']),
);

async function check(
  client: AnthropicClient,
  models: Record<string, string> = {},
): Promise<Record<string, ModelCheck>> {
  const told: Record<string, ModelCheck> = {};
  const catalog = async () => ({ kind: 'catalog', catalog: BUILT_IN }) as const;
  await checkModels({ client, models: { ...ALL, ...models }, catalog }, async (key, said) => {
    if (said !== null) told[key.replace(/^model(-setting)?\//, '')] = JSON.parse(said) as ModelCheck;
  });
  return told;
}

test('models that are there are said to be there, each once with its roles', async () => {
  const server = await startRecorded({ conversations: [], key: 'right' });
  const client = new AnthropicClient({ apiKey: 'right', baseUrl: server.url });
  const told = await check(client, { MILLWRIGHT_MODEL_TEST: 'claude-opus-5-5, claude-opus-5' });
  expect(told['recorded/a']).toMatchObject({ ok: true, roles: ['plan', 'implement', 'review', 'deploy'] });
  expect(told['claude-opus-5-5']).toMatchObject({ ok: true, roles: ['test'] });
  // What is asked where another fails is named too: a halt of it has to find it.
  expect(told['claude-opus-5']).toMatchObject({ ok: true, roles: [] });
  expect(told['models.json']).toMatchObject({ ok: true });
  expect(Object.keys(told).filter((key) => key.startsWith('model-role/'))).toEqual([]);
  await server.close();
});

test('a wrong key, a model that is gone, a slip in a name and an effort that there is not: each its clear word', async () => {
  const server = await startRecorded({ conversations: [], key: 'right' });
  const wrong = await check(new AnthropicClient({ apiKey: 'wrong', baseUrl: server.url }));
  expect(wrong['recorded/a']).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/invalid x-api-key.*ANTHROPIC_API_KEY/),
  });
  expect(JSON.stringify(wrong)).not.toContain('wrong"');
  expect(wrong['model-role/plan']).toMatchObject({ ok: false, detail: expect.stringMatching(/x-api-key/) });
  const right = new AnthropicClient({ apiKey: 'right', baseUrl: server.url });
  const told = await check(right, {
    MILLWRIGHT_MODEL_PLAN: 'recorded/No Such',
    MILLWRIGHT_MODEL_TEST: 'claude-opus-5.5',
    MILLWRIGHT_MODEL_REVIEW: 'recorded/No Such, recorded/a',
    MILLWRIGHT_EFFORT_REVIEW: 'hard',
  });
  expect(told['recorded/No Such']).toMatchObject({ ok: false, detail: expect.stringContaining('404') });
  expect(told['claude-opus-5.5']).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/Did you mean claude-opus-5-5\?/),
  });
  expect(told['effort-review']).toMatchObject({ ok: false, detail: expect.stringContaining('xhigh') });
  expect(told['recorded/a']).toMatchObject({ ok: true });
  // A role that has another model is not held up by one that is gone.
  expect(Object.keys(told).filter((key) => key.startsWith('model-role/'))).toEqual([
    'model-role/plan',
    'model-role/test',
  ]);
  await server.close();
});

test('a gateway that serves neither models nor a count of tokens is the Messages API all the same, and one that cannot be reached holds up nobody', async () => {
  const server = await startRecorded({ conversations: [], key: 'right' });
  const gateway = createServer(async (request, response) => {
    if (request.url !== '/v1/messages') return response.writeHead(404).end('Not found');
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const headers = Object.fromEntries(
      ['authorization', 'anthropic-version', 'content-type'].map((name) => [
        name,
        String(request.headers[name]),
      ]),
    );
    const answer = await fetch(`${server.url}/v1/messages`, {
      ...{ method: 'POST', headers, body: Buffer.concat(chunks) },
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  expect((await check(new AnthropicClient({ apiKey: 'right', baseUrl })))['recorded/a']).toMatchObject({
    ok: true,
  });
  expect((await check(new AnthropicClient({ apiKey: 'wrong', baseUrl })))['model-role/plan']).toMatchObject({
    detail: expect.stringContaining('invalid x-api-key'),
  });
  gateway.close();
  gateway.closeAllConnections();
  const away = await check(new AnthropicClient({ apiKey: 'right', baseUrl }));
  expect(away['recorded/a']).toMatchObject({ ok: false, detail: expect.stringContaining('cannot reach') });
  expect(away['model-role/plan']).toBeUndefined();
  await server.close();
});

test('what asking in earnest found is told of its role until it has an answer', async () => {
  const notes: [string, string | null][] = [];
  const answered = tellRoles(async (key, said) => void notes.push([key, said]));
  await answered('plan', { kind: 'submitted' });
  await answered('plan', { kind: 'unavailable', code: 'overloaded', detail: 'busy' });
  // One prompt's own affair, which may be quoted in it: no other ticket waits for that, or reads it.
  await answered('plan', { kind: 'unavailable', code: 'request', detail: 'messages.0: it is refused' });
  expect(notes).toEqual([]);
  await answered('plan', { kind: 'unavailable', code: 'billing', detail: 'Your credit balance is too low' });
  await answered('review', { kind: 'submitted' });
  await answered('plan', { kind: 'submitted' });
  expect(notes).toEqual([
    ['model-role/plan', expect.stringContaining('credit balance')],
    ['model-role/plan', null],
  ]);
});

test.each([
  ['text/html', 200, '<h1>Welcome</h1>'],
  ['text/html', 404, '<h1>Not found</h1>'],
  ['application/json', 200, '{"hello":"world"}'],
])('an endpoint that is not the Messages API (%s %i) is said not to be', async (type, status, body) => {
  const server = createServer((_, response) =>
    response.writeHead(status, { 'content-type': type }).end(body),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const told = await check(new AnthropicClient({ apiKey: 'k', baseUrl }));
  expect(told['recorded/a']).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/is not the Messages API.*ANTHROPIC_BASE_URL/),
  });
  server.close();
});

test('where models are asked in a cloud, what is missing for that is said', async () => {
  const bedrock = await check(new AnthropicClient({ kind: 'bedrock', region: null }));
  expect(bedrock['recorded/a']).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/AWS_REGION is not/),
  });
  const vertex = await check(new AnthropicClient({ kind: 'vertex', region: 'global', project: null }));
  expect(vertex['recorded/a']).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/ANTHROPIC_VERTEX_PROJECT_ID is not/),
  });
});

test('without a key nobody is asked, and it is said', async () => {
  const told = await check(new AnthropicClient({ apiKey: null }));
  expect(told['recorded/a']).toMatchObject({
    ok: false,
    detail: expect.stringContaining('ANTHROPIC_API_KEY is not set'),
  });
});
