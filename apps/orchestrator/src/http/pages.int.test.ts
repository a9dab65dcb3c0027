import { afterEach, expect, it } from 'vitest';
import { type DeployingFactory, deployingFactory } from '../testing/deploying-factory.ts';

let factory: DeployingFactory;
afterEach(() => factory.stop());

/** All of a list, by its pages of two. */
async function pages(list: string): Promise<{ id: string }[][]> {
  const found: { id: string }[][] = [];
  for (let before = ''; ; ) {
    const { headers, statusCode, body } = await factory.app.inject({
      method: 'GET',
      url: `/${list}?repo=shop&limit=2${before}`,
      headers: { authorization: 'Bearer admin-token-of-the-tests' },
    });
    expect(statusCode).toBe(200);
    found.push(JSON.parse(body));
    const next = headers['next-before'];
    if (next === undefined) return found;
    before = `&before=${next}`;
  }
}

it('gives runs and releases in pages that a newer one does not move, each as it is alone', async () => {
  factory = await deployingFactory(
    (site) => site.yaml('  checks:\n    - smoke: "true"\n  canary: { bake: 200ms, wait: 60s }\n'),
    { implement: (spec) => ({ [`${spec.ticket.title}.md`]: '# words\n' }) },
  );
  for (const title of ['a', 'b', 'c']) await factory.ended(await factory.file(title));
  for (const list of ['runs', 'releases']) {
    const seen = await pages(list);
    expect(seen.map((page) => page.length)).toEqual([2, 1]);
    expect(new Set(seen.flat().map(({ id }) => id)).size).toBe(3);
    expect((await factory.api('GET', `/${list}?limit=0`)).status).toBe(400);
    expect(await factory.api('GET', `/${list}?before=nothing`)).toMatchObject({
      status: 422,
      body: { code: 'bad-cursor', acts: [{ act: 'leave-out', field: 'before' }] },
    });
  }
  for (const { id, ...listed } of (await pages('releases')).flat())
    expect((await factory.api('GET', `/releases/${id}`)).body).toEqual({ id, ...listed });
});
