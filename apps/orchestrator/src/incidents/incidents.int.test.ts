import { createHmac } from 'node:crypto';
import type { Release } from '@millwright/domain';
import { afterEach, expect, test } from 'vitest';
import { type DeployingFactory, deployingFactory } from '../testing/deploying-factory.ts';

let factory: DeployingFactory;
afterEach(() => factory.stop());
const SECRET = 'a secret of these tests';
const alert = (more: Record<string, unknown> = {}) => ({
  version: '4',
  groupKey: '{}:{alertname="ErrorsHigh"}',
  status: 'firing',
  receiver: 'millwright',
  commonLabels: { alertname: 'ErrorsHigh' },
  externalURL: 'http://alertmanager',
  alerts: [
    {
      status: 'firing',
      labels: { alertname: 'ErrorsHigh', service: 'shop' },
      annotations: { summary: 'one in five requests fails' },
      startsAt: new Date().toISOString(),
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prometheus/graph',
      fingerprint: 'abc',
    },
  ],
  ...more,
});
const post = async (body: string, headers: Record<string, string> = {}) => {
  const reply = await factory.app.inject({
    method: 'POST',
    url: '/v1/incidents/alertmanager/shop',
    payload: body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: reply.statusCode, body: reply.json() };
};
const sign = (body: string) => ({
  'x-millwright-signature': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
});

test('an alert is one ticket with what is known attached; a young release goes back first, and the fix is planned with what was seen', async () => {
  const seen: string[][] = [];
  factory = await deployingFactory(
    (site) => site.yaml('  canary: { bake: 200ms, minRequests: 0 }\n'),
    {
      plan: (spec) => {
        if (spec.ticket.kind === 'incident') seen.push([spec.ticket.body, ...spec.evidence]);
        const task = { id: 'a', title: 'a', instructions: 'do', dependsOn: [], acceptance: [] };
        return { kind: 'tasks', summary: 'do it', tasks: [task] } as never;
      },
      implement: ({ run }) => ({ [`${run}.md`]: '# words\n' }),
    },
    { healMs: 200 },
  );
  const { site, file, ended, api, until } = factory;
  await api('POST', '/repos/shop/autonomy', { step: 7, reason: 'incidents start by themselves' });
  const first = await ended(await file('first'));
  const second = await ended(await file('second'));
  expect(site.read('current')).toBe(second.release);

  const body = JSON.stringify(alert());
  expect(await post(body, sign(body))).toMatchObject({ status: 401 });
  await api('POST', '/repos/shop/secrets', { name: 'MILLWRIGHT_ALERTS', value: SECRET });
  const again = JSON.stringify(JSON.parse(body), null, 1);
  for (const headers of [
    {},
    sign('other'),
    { 'x-millwright-signature': sign(body)['x-millwright-signature'].slice(0, 30) },
    { authorization: 'Bearer some other secret' },
  ])
    expect(await post(body, headers)).toMatchObject({ status: 401, body: { code: 'not-signed' } });
  expect(await post(again, sign(body))).toMatchObject({ status: 401 });
  // Nothing of it is read before it is known whose it is.
  expect(await post('{ no json', {})).toMatchObject({ status: 401 });
  expect(await post('{ no json', sign('{ no json'))).toMatchObject({ status: 422 });
  expect((await api('GET', '/tickets')).body).toHaveLength(2);

  const resolved = JSON.stringify(alert({ status: 'resolved' }));
  expect(await post(resolved, sign(resolved))).toMatchObject({ status: 200, body: { ticket: null } });
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => post(body, sign(body))));
  expect(new Set(answers.map((answer) => answer.body.ticket)).size).toBe(1);
  expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
  const ticket = answers[0]?.body.ticket as string;
  expect((await api('GET', '/tickets')).body).toHaveLength(3);

  const answered = await until('the first answer', async () => {
    const lines = (await api('GET', '/trail?limit=1000')).body as {
      type: string;
      data: { answer: string };
    }[];
    return lines.find((line) => line.type === 'ticket.incident-answered');
  });
  expect(answered.data).toMatchObject({ answer: 'rolled_back', release: first.release });
  expect(site.read('current')).toBe(first.release);
  expect((await api('GET', '/quarantine')).body).toMatchObject([{ release: second.release, by: 'rollback' }]);

  // Then the normal chain: the fix is planned with the alert, the release and its ticket, and what was done.
  expect(await ended(ticket)).toMatchObject({ state: 'done' });
  expect(seen[0]?.join('\n')).toMatch(/one in five requests fails/);
  expect(seen[0]?.join('\n')).toContain(`Serves: ${second.release}`);
  expect(seen[0]?.join('\n')).toContain(second.ticket);
  expect(seen[0]?.join('\n')).toMatch(/first answer: rolled back/);
});

test('what was changed by hand is brought back and counted; when it repeats somebody is told, and a halt stops neither', async () => {
  factory = await deployingFactory(
    (site) => site.yaml('  canary: { bake: 200ms, minRequests: 0 }\n  rollbackWhen: { alertWithin: 0s }\n'),
    { implement: ({ run }) => ({ [`${run}.md`]: '# words\n' }) },
    { healMs: 100 },
  );
  const { site, file, ended, api, until } = factory;
  const first = (await ended(await file('first'))).release as Release['id'];
  const second = (await ended(await file('second'))).release as Release['id'];
  await api('POST', '/halt', { reason: 'nothing goes forward' });
  const target = () => factory.factory.views.open.target('shop' as never);
  site.write('failing', '');
  for (const times of [1, 2, 3]) {
    site.write('current', first);
    await until('it to come back', () => site.read('current') === second && target().healed === times);
  }
  expect(target()).toMatchObject({ live: second, notHealed: 0 });
  expect(target().heals.at(-1)?.text).toContain(`${first} 100 %`);
  const incident = (title: string) =>
    until('the incident', async () => {
      const all = (await api('GET', '/tickets')).body as {
        ticket: { kind: string; body: string; title: string };
      }[];
      return all.find((one) => one.ticket.kind === 'incident' && one.ticket.title.endsWith(title))?.ticket;
    });
  expect((await incident('does not stay up')).body).toMatch(/healing repeats: .*\n.*healed: /);
  // Its figures are watched as well, long after its canary.
  expect((await incident('requests fail')).body).toMatch(/\d+ of \d+ requests failed in \d+ s \(\d/);
  await until('their first answers', () => {
    const raised = [...factory.factory.views.open.tickets.values()].filter((ticket) => ticket.incident);
    return raised.length === 2 && raised.every((ticket) => ticket.incident?.answered);
  });
  // It was deployed a moment ago, but its file says that nothing goes back by itself.
  expect(site.read('current')).toBe(second);
});
