import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { askedOf, callsBy } from './client.ts';
import { openApi } from './openapi.ts';
import { BASE, ROUTE_NAMES, ROUTES, type Route } from './routes.ts';

const routes: [string, Route][] = ROUTE_NAMES.map((name) => [name, ROUTES[name]]);

it('no two routes answer the same request, and each names the parameters of its path', () => {
  const requests = routes.map(([, { method, path }]) => `${method} ${path.replace(/:\w+/g, ':')}`);
  expect(new Set(requests).size).toBe(requests.length);
  for (const [name, { path, params }] of routes) {
    const named = [...path.matchAll(/:(\w+)/g)].map(([, param]) => param);
    expect(params instanceof z.ZodObject ? Object.keys(params.shape) : [], name).toEqual(named);
  }
});

it('what changes something is asked for by POST, and wants a role, a code or a signature', () => {
  // To ask for another token of one's own, and to hand in a signature, is anybody's who has a token.
  const anybody = routes.filter(
    ([, { method, may }]) => method === 'POST' && (may === 'anybody' || may === 'open'),
  );
  expect(anybody.map(([name]) => name)).toEqual(['rotate', 'cosign']);
  for (const [name, { method, body }] of routes) if (method === 'GET') expect(body, name).toBeUndefined();
});

it('every list comes in parts: by a cursor, or by positions of the trail', () => {
  // What is checked once, and what a change of one scope answers with, are no lists of what there is.
  const whole = ['doctor', 'setBudget'];
  const lists = routes.filter(
    ([name, { response }]) => response instanceof z.ZodArray && !whole.includes(name),
  );
  expect(lists.length).toBeGreaterThan(12);
  for (const [name, { query }] of lists) {
    const takes = query instanceof z.ZodObject ? Object.keys(query.shape) : [];
    expect(takes, name).toContain('limit');
    expect(takes, name).toContain(name === 'listTrail' ? 'since' : 'cursor');
  }
});

it('what is not an administrator’s alone wants its role where it is used', () => {
  for (const [name, { may, there }] of routes)
    if (Array.isArray(may) && (may.includes('author') || may.includes('approver')))
      expect(there, name).toBe(true);
});

it('is told as OpenAPI that its own schema takes: every route, what it wants, and the problem that it refuses with', async () => {
  const document = openApi('1.2.3');
  expect(await new Validator().validate(JSON.parse(JSON.stringify(document)))).toMatchObject({ valid: true });
  for (const [name, { method, path }] of routes) {
    const at = BASE + path.replace(/:(\w+)/g, '{$1}');
    expect(document.paths[at]?.[method.toLowerCase()], name).toMatchObject({
      operationId: name,
      responses: { default: { content: { 'application/problem+json': expect.anything() } } },
    });
  }
  // Whatever is named is there.
  const text = JSON.stringify(document);
  const { schemas } = z.object({ schemas: z.record(z.string(), z.unknown()) }).parse(document.components);
  for (const [, id] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
    expect(Object.keys(schemas)).toContain(id);
  expect(text).not.toContain('$defs');
});

it('a call is the request of its route: what it is given stays data', () => {
  expect(askedOf('showRun', { params: { id: 'a/../b?c' } })).toMatchObject({
    path: '/v1/runs/a%2F..%2Fb%3Fc',
  });
  expect(
    askedOf('listTrail', { query: { type: ['gate', 'run'], since: 7, repo: 'a&b', before: undefined } }).path,
  ).toBe('/v1/trail?type=gate&type=run&since=7&repo=a%26b');
  expect(askedOf('rotate', { params: { id: 'p' }, body: {} })).toMatchObject({ method: 'POST', body: {} });
  expect(askedOf('doctor')).toEqual({ method: 'GET', path: '/v1/doctor', headers: {} });
});

it('follows a list to its end, and refuses an answer that the table does not have', async () => {
  const asked: string[] = [];
  const budget = (scope: string) => ({
    ...{ scope, capUsd: null, spentUsd: 0, overrunUsd: 0, reservedUsd: 0, more: 'kept in raw' },
  });
  const { all, call } = callsBy(
    async ({ path }) => {
      asked.push(path);
      return path.includes('cursor=a%2Fb')
        ? { body: [budget('c')], link: null }
        : { body: [budget('a/b')], link: '</v1/budgets?limit=1&cursor=a%2Fb>; rel="next"' };
    },
    (why) => new TypeError(why),
  );
  const { raw, value } = await all('listBudgets', { query: { limit: 1 } });
  expect(value.map(({ scope }) => scope)).toEqual(['a/b', 'c']);
  expect(raw).toMatchObject([{ more: 'kept in raw' }, { more: 'kept in raw' }]);
  expect(asked).toEqual(['/v1/budgets?limit=1', '/v1/budgets?limit=1&cursor=a%2Fb']);
  await expect(call('doctor')).rejects.toThrow(/GET \/v1\/doctor: 0\.id/);
});
