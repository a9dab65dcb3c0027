import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DeployingFactory, deployingFactory } from '../testing/deploying-factory.ts';

// All three kinds of check at once, from millwright.yaml through the whole way of a ticket.

let factory: DeployingFactory;
let server: Server;
let [status, value]: [number, string | null] = [200, '0'];

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url?.startsWith('/shop')) return response.writeHead(status).end();
    const result = value === null ? [] : [{ metric: {}, value: [0, value] }];
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const at = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  factory = await deployingFactory(
    (site) =>
      site.yaml(
        [
          '  checks:',
          `    - http: ${at}/shop`,
          `    - { prometheus: "${at}", query: 'errors{release="{{release}}"}', max: 1 }`,
          `    - smoke: test ! -e ${site.folder}/broken`,
          '  canary: { bake: 300ms, wait: 60s }\n',
        ].join('\n'),
      ),
    // Each in its own file: what touches the file of what was rolled back would wait for a person.
    { implement: ({ ticket }) => ({ [`${ticket.title}.md`]: `# ${ticket.title}\n` }) },
  );
});
afterAll(async () => {
  server?.close();
  await factory?.stop();
});

test('a page that answers 500 takes the release back; a query without data pauses and says so, and what it gets then lets it out', async () => {
  const { site, file, ended, runOf, until } = factory;
  const first = await ended(await file('first'));
  expect(first).toMatchObject({ state: 'done' });
  expect(site.read('current')).toBe(first.release);

  status = 500;
  const bad = await ended(await file('second', 'bug'));
  expect(bad).toMatchObject({ state: 'rolled_back', reason: expect.stringMatching(/check http .*500/) });
  expect(site.read('current')).toBe(first.release);

  [status, value] = [200, null];
  const ticket = await file('third');
  const paused = await until('the pause', async () => {
    const run = await runOf(ticket);
    return run?.state === 'waiting' ? run : null;
  });
  expect(paused.reason).toMatch(/^the canary pauses at 100 % .*it needs check prometheus/);
  value = '0';
  const third = await ended(ticket);
  expect(third).toMatchObject({ state: 'done' });
  expect(site.read('current')).toBe(third.release);
});
