import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, expect, it } from 'vitest';
import { type DeployingFactory, deployingFactory } from '../testing/deploying-factory.ts';
import { expectRowsEqualFold } from '../testing/rows-equal-fold.ts';

let factory: DeployingFactory;
afterEach(async () => {
  await expectRowsEqualFold(factory.factory);
  await factory.stop();
});

/** How many processes are started while `act` runs. */
async function processes(act: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const started = () => {
    count += 1;
  };
  subscribe('child_process', started);
  await act().finally(() => unsubscribe('child_process', started));
  return count;
}

/** All of a list, by its parts of two. */
async function pages(list: 'listRuns' | 'listTickets' | 'listReleases'): Promise<{ id: string }[][]> {
  const found: { id: string }[][] = [];
  for (let cursor: string | undefined; ; ) {
    const { value, next } = await factory.call(list, { query: { repo: 'shop', limit: 2, cursor } });
    found.push(value);
    if (next === null) return found;
    cursor = next;
  }
}

it('gives runs and releases in pages that a newer one does not move, each as it is alone', async () => {
  factory = await deployingFactory(
    (site) => site.yaml('  checks:\n    - smoke: "true"\n  canary: { bake: 200ms, wait: 60s }\n'),
    { implement: (spec) => ({ [`${spec.ticket.title}.md`]: '# words\n' }) },
  );
  for (const title of ['a', 'b', 'c']) await factory.ended(await factory.file(title));
  for (const [list, path] of [
    ['listRuns', '/runs'],
    ['listTickets', '/tickets'],
    ['listReleases', '/releases'],
  ] as const) {
    const seen = await pages(list);
    expect(seen.map((page) => page.length)).toEqual([2, 1]);
    expect(new Set(seen.flat().map(({ id }) => id)).size).toBe(3);
    expect((await factory.api('GET', `${path}?limit=0`)).status).toBe(400);
    expect(await factory.api('GET', `${path}?cursor=nothing`)).toMatchObject({
      status: 422,
      body: { code: 'bad-cursor', acts: [{ act: 'leave-out', field: 'cursor' }] },
    });
  }
  // However long a page is, git is asked as often.
  for (const path of ['/runs', '/releases', '/tickets']) {
    const [one, three] = [
      await processes(() => factory.api('GET', `${path}?limit=1`)),
      await processes(() => factory.api('GET', `${path}?limit=3`)),
    ];
    expect([path, three]).toEqual([path, one]);
  }
  // Lists that are short, or of other things, come in parts in the same way.
  const parts = async (name: 'listTickets' | 'listGates' | 'listPeople' | 'listTargets') =>
    (await factory.all(name, { query: { limit: 1, ...(name === 'listGates' ? { state: 'all' } : {}) } }))
      .value;
  expect((await parts('listTickets')).length).toBe(3);
  const [{ id: run } = { id: '' }] = (await pages('listRuns')).flat();
  for (const name of ['showLogs', 'listReviews', 'listTests', 'listAttestations'] as const) {
    const of = { params: { id: run as never } };
    const all = (await factory.call(name, of)).value;
    expect([name, all.length > 1]).toEqual([name, name !== 'listReviews']);
    expect((await factory.all(name, { ...of, query: { limit: 1 } })).value).toEqual(all);
  }
  expect((await parts('listTargets')).length).toBe(1);
  expect(new Set((await parts('listGates')).map((gate) => Reflect.get(gate, 'id'))).size).toBe(9);
  for (const { id, ...listed } of (await pages('listReleases')).flat())
    expect((await factory.api('GET', `/releases/${id}`)).body).toEqual({ id, ...listed });
});
