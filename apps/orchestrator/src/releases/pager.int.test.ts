import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock, RepoName } from '@millwright/domain';
import { expect, test } from 'vitest';
import { type Page, webhookPager } from './pager.ts';

const slept: number[] = [];
const clock: Clock = {
  now: () => 0,
  sleep: async (ms) => {
    slept.push(ms);
  },
};
const page: Page = {
  kind: 'rollback-failed',
  repo: 'shop' as RepoName,
  release: null,
  why: 'why',
  what: '1. do',
  acts: [{ act: 'show-targets' }],
  at: 7,
};

/** Answers with these statuses, one a request; says what it was sent. */
async function hook(statuses: number[]) {
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(text));
      response.writeHead(statuses.shift() ?? 500).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/secret-token`,
    host: `127.0.0.1:${port}`,
    bodies,
    close: () => server.close(),
  };
}

test('a person is called with what happened and what to do, again where the first call fails', async () => {
  const { url, host, bodies, close } = await hook([503, 200]);
  expect(await webhookPager(url, clock)(page)).toEqual({ result: 'sent', reason: `${host} answered 200` });
  expect(bodies).toEqual(Array(2).fill(page));
  close();
});

test('that nobody could be called is said, without the address’s secret', async () => {
  const { url, host, bodies, close } = await hook([]);
  expect(await webhookPager(url, clock)(page)).toEqual({
    result: 'failed',
    reason: `${host} answered 500, 3 times`,
  });
  expect(bodies).toHaveLength(3);
  close();
  const gone = await webhookPager(url, clock)(page);
  expect(gone).toMatchObject({ result: 'failed' });
  expect(gone.reason).not.toContain('secret-token');
  expect(await webhookPager(undefined, clock)(page)).toMatchObject({ result: 'nobody' });
});
