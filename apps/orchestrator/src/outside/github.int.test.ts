import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionView, TicketView } from '@millwright/api';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { type Fault, type GitHubTwin, startGitHub } from '@millwright/twins/github';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Shop, shop } from '../testing/shop.ts';

// A repository that is connected to GitHub: what is written there becomes tickets, and what becomes of them is told there, once.

const PROJECT = 'acme/shop';
const LABEL = 'millwright';
let db: TestDatabase;
let at: Shop;
let twin: GitHubTwin;
/** What goes wrong with the next requests that fit. */
let faults: { method: string; path: RegExp; fault: Fault; times: number }[] = [];
let deliveries: { path: string; secret: string };
let approver: { token: string };

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await shop(db, 6, { pollMs: 600_000 });
  twin = await startGitHub(PROJECT, {
    fault: (method, path) => {
      const one = faults.find((each) => each.times > 0 && each.method === method && each.path.test(path));
      if (one !== undefined) one.times -= 1;
      return one?.fault ?? null;
    },
  });
  approver = await at.enrol('Ann', 'approver');
});
afterAll(async () => {
  await at?.stop();
  await twin?.close();
  await db?.close();
});

const connect = (body: object = {}) =>
  at.api('POST', '/repos/shop/connection', {
    ...{ kind: 'github', api: twin.api, project: PROJECT, label: LABEL, token: 'twin-token' },
    ...body,
  });
const deliver = (body: string, headers: Record<string, string>) =>
  at.app.inject({ method: 'POST', url: deliveries.path, payload: body, headers });
/** GitHub tells that something happened; it is looked at there. */
const delivered = async () => {
  const { body, headers } = twin.signed(deliveries.secret, 'issues', { action: 'labeled' });
  expect((await deliver(body, headers)).statusCode).toBe(202);
};
const ticketOf = (issue: number): Promise<TicketView> =>
  at.until(`the ticket of issue ${issue}`, async () =>
    ((await at.api('GET', '/tickets')).body as TicketView[]).find(({ links }) =>
      links.some(({ kind, id }) => kind === 'github-issue' && id === String(issue)),
    ),
  );
const comments = (issue: number) => twin.issues.get(issue)?.comments ?? [];
const told = (issue: number, what: string) =>
  at.until(`issue ${issue} to be told: ${what}`, () => comments(issue).at(0)?.body.includes(what));

test('rights are tried before anything is recorded; a token that is wrong, or may not push, is refused with what mends it', async () => {
  const wrong = await connect({ token: 'nobody' });
  expect(wrong).toMatchObject({
    status: 422,
    body: { code: 'place-refused', detail: expect.stringContaining('401') },
  });
  twin.bot.permission = 'read';
  const weak = await connect();
  expect(weak.body).toMatchObject({
    ...{ code: 'place-refused', detail: expect.stringContaining('push branches') },
    hint: expect.stringContaining('write access to acme/shop'),
  });
  twin.bot.permission = 'write';
  expect((await connect({ project: 'acme/none' })).body.code).toBe('place-refused');
  expect((await at.api('GET', '/connections')).body).toEqual([]);
  expect((await at.api('GET', '/repos/shop/connection')).body.code).toBe('not-connected');

  const done = await connect();
  expect(done).toMatchObject({ status: 201, body: { repo: 'shop', project: PROJECT, delay: null } });
  deliveries = done.body.deliveries;
  expect((await at.api('GET', '/connections')).body).toMatchObject([{ repo: 'shop', label: LABEL }]);
});

test('a delivery is known by its signature alone; what is not signed is not read', async () => {
  const { body, headers } = twin.signed(deliveries.secret, 'issues', { action: 'labeled' });
  const wrong = [
    {
      ...headers,
      'x-hub-signature-256': twin.signed('another', 'issues', {}).headers['x-hub-signature-256'],
    },
    Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'x-hub-signature-256')),
    { ...headers, 'x-hub-signature-256': 'sha256=00' },
  ];
  for (const one of wrong) expect((await deliver(body, one)).statusCode).toBe(401);
  // The same words, written another way.
  expect((await deliver(JSON.stringify(JSON.parse(body), null, 1), headers)).statusCode).toBe(401);
  expect((await deliver(body, headers)).statusCode).toBe(202);
});

test('an issue with the label is one ticket however it is heard of, waits for a person since nobody here asked, and is told of in one comment until it is merged and closed', async () => {
  const issue = twin.open('mona', 'Say what is sold', 'It should.\n\n- [ ] it says `mugs`\n\n@everyone', [
    'docs',
  ]);
  twin.label('mona', issue, LABEL);
  twin.open('mona', 'Not for a machine');
  at.makes({ 'src/sold.js': 'exports.sold = [];\n' });
  await Promise.all(Array.from({ length: 20 }, delivered));
  const ticket = await ticketOf(issue);
  expect(ticket.ticket).toMatchObject({
    ...{ title: 'Say what is sold', kind: 'docs', acceptance: ['it says `mugs`'] },
  });
  expect(ticket.author).toMatch(/^integration\/github\/\d+$/);
  await told(issue, 'waits for a person');
  // Nothing is paid for before somebody of the factory lets it begin, and it is heard of at once.
  const gates = await at.until('its start gate', async () => {
    const found = (await at.api('GET', '/gates')).body;
    return found.length > 0 && found;
  });
  expect(gates).toMatchObject([{ action: 'start', state: 'waiting' }]);
  const { end, gates: allowed } = await at.allowing(approver.token, at.ended(ticket.id));
  expect(end.state, end.reason).toBe('done');
  expect(allowed).toContain('start');
  await told(issue, 'is done with this');
  await at.until('the issue to be closed', () => twin.issues.get(issue)?.state === 'closed');

  expect(((await at.api('GET', '/tickets')).body as TicketView[]).length).toBe(1);
  expect(comments(issue)).toHaveLength(1);
  expect(comments(issue)[0]?.body).toContain('released, watched and promoted');
  const after = await at.until('all of it to be told', async () => {
    const seen = (await at.api('GET', `/tickets/${ticket.id}`)).body as TicketView;
    return seen.outside.length === 2 && seen.outside.every(({ ended }) => ended === 'done') && seen;
  });
  expect(after.outside.map(({ effect }) => effect)).toEqual(['session', 'issue']);
  const trail = (await at.trail()).filter(({ stream }) => stream === `ticket/${ticket.id}`);
  const [started, finished] = ['ticket.outside-started', 'ticket.outside-finished'].map((type) =>
    trail.filter((one) => one.type === type),
  );
  expect(started?.length).toBe(finished?.length);
  // Nothing more is asked of GitHub for it.
  await at.until('its end', async () =>
    (await at.trail()).some(({ type }) => type === 'ticket.outside-ended'),
  );
});

test('labelled again when its ticket is over, an issue is another ticket', async () => {
  const [issue] = [...twin.issues.keys()];
  if (issue === undefined) throw new Error('no issue');
  const one = twin.issues.get(issue);
  if (one) one.state = 'open';
  at.makes({ 'src/again.js': 'exports.again = 1;\n' });
  twin.label('mona', issue, LABEL);
  await delivered();
  await at.until('two tickets', async () => (await at.api('GET', '/tickets')).body.length === 2);
  await at.until('another comment', () => comments(issue).length === 2);
  const [first] = (await at.api('GET', '/tickets')).body as TicketView[];
  const run = first?.runs.at(-1);
  await at.until('its run', async () => run !== undefined || (await ticketOf(issue)).runs.length > 0);
});

test('an answer that is lost, a server that fails and a limit delay what is told, lose nothing and say nothing twice', async () => {
  faults = [
    { method: 'POST', path: /comments$/, fault: { kind: 'lost' }, times: 1 },
    { method: 'GET', path: /events$/, fault: { kind: 'status', status: 502 }, times: 1 },
    {
      ...{ method: 'PATCH', path: /comments/, times: 1 },
      fault: { kind: 'status', status: 403, headers: { 'retry-after': '1', 'x-ratelimit-remaining': '0' } },
    },
  ];
  at.makes({ 'src/storm.js': 'exports.storm = 1;\n' });
  const issue = twin.open('mona', 'Say it in a storm', 'Please.', ['docs', LABEL]);
  await delivered();
  const delay = await at.until('a delay', async () => {
    const [view] = (await at.api('GET', '/connections')).body as ConnectionView[];
    return view?.delay;
  });
  expect(delay.reason).toMatch(/GitHub (did not answer|asks to wait)/);
  const ticket = await ticketOf(issue);
  const { end } = await at.allowing(approver.token, at.ended(ticket.id));
  expect(end.state, end.reason).toBe('done');
  await told(issue, 'is done with this');
  expect(comments(issue)).toHaveLength(1);
  expect(faults.map(({ times }) => times)).toEqual([0, 0, 0]);
  await at.until('no delay', async () => (await at.api('GET', '/connections')).body[0].delay === null);
});

test('what is refused is on the ticket with why, and is tried again when there is something else to say', async () => {
  faults = [{ method: 'POST', path: /comments$/, fault: { kind: 'status', status: 410 }, times: 1 }];
  at.makes({ 'src/gone.js': 'exports.gone = 1;\n' });
  const issue = twin.open('mona', 'Say it where nobody may write', '', ['docs', LABEL]);
  await delivered();
  const ticket = await ticketOf(issue);
  await at.until(
    'the refusal',
    async () =>
      ((await at.api('GET', `/tickets/${ticket.id}`)).body as TicketView).outside.some(
        ({ ended, reason }) => ended === 'refused' && reason.includes('410'),
      ) || comments(issue).length > 0,
  );
  await at.allowing(approver.token, at.ended(ticket.id));
  await told(issue, 'is done with this');
  expect(comments(issue)).toHaveLength(1);
});

test('a change that its branch does not take is one pull request, and what people do with it is told', async () => {
  const hook = join(at.remote, 'hooks/update');
  writeFileSync(hook, '#!/bin/sh\n[ "$1" != refs/heads/main ]\n', { mode: 0o755 });
  faults = [{ method: 'POST', path: /pulls$/, fault: { kind: 'lost' }, times: 1 }];
  at.makes({ 'src/pulled.js': 'exports.pulled = 1;\n' });
  const issue = twin.open('mona', 'Pull it', 'See #1, @mona', ['docs', LABEL]);
  await delivered();
  const ticket = await ticketOf(issue);
  const { end } = await at.allowing(approver.token, at.ended(ticket.id));
  expect(end.state, end.reason).toBe('done');
  const pull = await at.until('its pull request', () => [...twin.pulls.values()][0]);
  expect(pull).toMatchObject({ head: `millwright/${end.id}`, base: 'main', state: 'open' });
  expect(pull.body).toContain(`Closes #${issue}.`);
  expect(pull.body).toMatch(/\| tested \| passed \|/);
  await told(issue, 'pushed as branch');
  expect(twin.issues.get(issue)?.state).toBe('open');
  twin.merge('mona', pull.number);
  await delivered();
  await told(issue, 'mona merged its pull request');
  await at.until('its end', async () =>
    (await at.trail()).some(
      ({ type, stream }) => type === 'ticket.outside-ended' && stream === `ticket/${ticket.id}`,
    ),
  );
  expect(twin.pulls.size).toBe(1);
  expect(comments(issue)).toHaveLength(1);
  rmSync(hook);
});

test('what the account of a person asks for, they ask for: it starts by itself, and they allow nothing of it; without write access there it is nobody’s', async () => {
  await at.enrol('Rea', 'author', 'approver');
  twin.user('rea');
  const link = (who: string, account: string) =>
    at.api('POST', `/people/${who}/accounts`, { repo: 'shop', account, reason: 'hers' });
  expect((await link('Rea', 'nobody')).status).toBe(404);
  expect((await link('Rea', 'rea')).body.accounts).toMatchObject([{ place: 'github', api: twin.api }]);
  expect((await link('Ann', 'rea')).body.code).toBe('account-taken');
  at.makes({ 'src/rea.js': 'exports.rea = 1;\n' });
  const issue = twin.open('rea', 'Say who asked', '', ['bug', LABEL]);
  await delivered();
  const ticket = await ticketOf(issue);
  expect(ticket.author).toBe('Rea');
  const run = await at.ended(ticket.id);
  expect([run.state, run.gates.filter(({ action }) => action === 'start')]).toMatchObject([
    'done',
    [{ decision: 'allow' }],
  ]);
  twin.user('rea').permission = 'read';
  const next = twin.open('rea', 'Say it again', '', ['bug', LABEL]);
  await delivered();
  expect((await ticketOf(next)).author).toMatch(/^integration\/github\//);
  const unlinked = await at.api('POST', '/people/Rea/accounts/removal', {
    ...{ repo: 'shop', account: 'rea', reason: 'left' },
  });
  expect(unlinked.body.accounts).toEqual([]);
});

test('disconnected, nothing more comes from there', async () => {
  expect((await at.api('POST', '/repos/shop/disconnection', { reason: 'moved' })).status).toBe(200);
  expect((await at.api('GET', '/connections')).body).toEqual([]);
  const { body, headers } = twin.signed(deliveries.secret, 'issues', {});
  expect((await deliver(body, headers)).statusCode).toBe(401);
});
