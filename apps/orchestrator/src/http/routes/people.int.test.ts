import type { PersonId } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ScriptedFactory, scriptedFactory } from '../../testing/scripted-factory.ts';

// One person is one, whatever accounts, names and tokens they have: on a change that two people must allow.

let db: TestDatabase;
let at: ScriptedFactory;
let nth = 0;
const ASKS = 'Which way?';
beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await scriptedFactory(
    db,
    { 'a.txt': 'a\n', 'package.json': '{"name":"shop"}\n', 'millwright.yaml': 'protected: ["guarded/**"]\n' },
    {
      plan: (spec) =>
        spec.ticket.title === 'It asks' && !JSON.stringify(spec).includes('to the left')
          ? { kind: 'question', summary: 'it asks', question: ASKS }
          : {
              kind: 'tasks',
              summary: 'one',
              tasks: [{ id: 'a' as never, title: 'a', instructions: 'do', dependsOn: [], acceptance: [] }],
            },
      implement: () => {
        nth += 1;
        return { [`guarded/${nth}.txt`]: `${nth}\n` };
      },
    },
  );
  await at.api('POST', '/repos', { url: at.remote, name: 'shop' });
  await at.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
  for (const name of ['payments', 'ledger']) await at.api('POST', '/units', { name, reason: 'two' });
});
afterAll(async () => {
  await at.stop();
  await db.close();
});

type GateLine = { id: string; run: string; action: string; approvals: { name: string }[] };
const runs: string[] = [];
afterEach(async () => {
  for (const id of runs.splice(0)) await at.api('POST', `/runs/${id}/cancel`, { reason: 'over' });
});

const file = async (title: string, token?: string): Promise<string> =>
  (await at.api('POST', '/tickets', { repo: 'shop', markdown: `# ${title}\n\nplease` }, token)).body.id;
const runOf = async (ticket: string, count = 1) => {
  const id = await at.until('its run', async () => {
    const of = (await at.api('GET', `/tickets/${ticket}`)).body.runs as string[];
    return of[count - 1];
  });
  runs.push(id);
  return id;
};
const gateOf = async (run: string): Promise<GateLine> =>
  at.until('its merge gate', async () =>
    ((await at.api('GET', '/gates')).body as GateLine[]).find((gate) => gate.run === run),
  );
const approve = (gate: string, token: string) =>
  at.api('POST', `/gates/${gate}/approve`, { reason: 'yes' }, token);
const invite = (name: string, roles: string[], token?: string) =>
  at.api('POST', '/people/invitations', { name, roles }, token);
const accept = (code: string) => at.api('POST', '/people/acceptance', { code }, null);
/** Invited by whoever has the token, who keeps the code and uses it. */
const puppet = async (name: string, token?: string): Promise<string> =>
  (await accept((await invite(name, ['approver'], token)).body.code)).body.token;
const counted = async (gate: string) =>
  ((await at.api('GET', `/gates/${gate}`)).body.approvals as { name: string }[]).map(({ name }) => name);
const stateOf = async (run: string) => (await at.api('GET', `/runs/${run}`)).body.state;

test('accounts that the requester lets in after filing do not approve; people of before do', async () => {
  const [ann, ben] = [await at.enrol('Ann', 'approver'), await at.enrol('Ben', 'approver')];
  const run = await runOf(await file('Guard it'));
  const gate = await gateOf(run);
  for (const token of [await puppet('Puppet One'), await puppet('Puppet Two')])
    expect(await approve(gate.id, token)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('who is the requester'), exitCode: 4 },
    });
  // Through somebody let in on the way as little.
  const code = (await invite('Straw Man', ['admin', 'approver'])).body.code;
  const straw = (await accept(code)).body.token;
  expect((await approve(gate.id, await puppet('Puppet Three', straw))).status).toBe(403);
  expect(await counted(gate.id)).toEqual([]);
  expect((await approve(gate.id, ann.token)).status).toBe(200);
  await at.until('it to wait for one more', async () => (await stateOf(run)) === 'waiting');
  await at.until('the gate to take another', async () => (await approve(gate.id, ben.token)).status === 200);
  await at.until('the merge', async () => (await stateOf(run)) === 'done');
});

test('a token that the requester ended, and the code for another, make no approver of theirs', async () => {
  const cleo = await at.enrol('Cleo', 'approver');
  const run = await runOf(await file('Guard it'));
  const gate = await gateOf(run);
  const rotated = await at.api('POST', `/people/${cleo.id}/rotation`, {});
  expect(rotated.body).toMatchObject({ kind: 'other', id: cleo.id, code: expect.any(String) });
  expect(rotated.body.token).toBeUndefined();
  expect((await approve(gate.id, cleo.token)).status).toBe(401);
  const { token } = (await accept(rotated.body.code)).body;
  expect(await approve(gate.id, token)).toMatchObject({ status: 403 });
});

test('who let an approver in since counts as one with them', async () => {
  const dora = await at.enrol('Dora', 'admin', 'approver');
  const run = await runOf(await file('Guard it'));
  const gate = await gateOf(run);
  const second = await puppet('Second Dora', dora.token);
  expect((await approve(gate.id, dora.token)).status).toBe(200);
  await at.until('the gate to take it', async () => (await approve(gate.id, second)).status !== 409 || null);
  await at.until('both judged', async () => (await counted(gate.id)).length === 2);
  await at.until('it to wait on', async () => (await stateOf(run)) === 'waiting');
  expect((await at.api('GET', `/runs/${run}`)).body.gates.at(-1)).toMatchObject({
    decision: 'needs_approval',
  });
});

test('accounts that the requester made in advance do not approve, nor through another; nor beside who made them', async () => {
  const nora = await at.enrol('Nora', 'admin', 'approver', 'author');
  const sock = (await invite('Sock', ['admin', 'approver'], nora.token)).body;
  const { token: socks } = (await accept(sock.code)).body;
  const straws = await puppet('Sock of Sock', socks);
  const gate = await gateOf(await runOf(await file('Guard it', nora.token)));
  for (const token of [socks, straws])
    expect(await approve(gate.id, token)).toMatchObject({
      status: 403,
      body: { detail: expect.stringMatching(/let in by .*, who is the requester/), exitCode: 4 },
    });
  expect(await counted(gate.id)).toEqual([]);

  // Of somebody else's ticket, she and hers are one.
  const other = await runOf(await file('Guard it'));
  const both = await gateOf(other);
  for (const token of [nora.token, straws])
    await at.until('the gate to take it', async () => (await approve(both.id, token)).status === 200 || null);
  await at.until('both judged', async () => (await counted(both.id)).length === 2);
  await at.until('it to wait on', async () => (await stateOf(other)) === 'waiting');
  expect((await at.api('GET', `/runs/${other}`)).body.gates.at(-1).decision).toBe('needs_approval');

  // Once somebody else gave the account to who it is of, it is theirs.
  const { code } = (await at.api('POST', `/people/${sock.id}/rotation`, {})).body;
  const { token: theirs } = (await accept(code)).body;
  const third = await gateOf(await runOf(await file('Guard it', nora.token)));
  expect((await approve(third.id, theirs)).status).toBe(200);
});

test('who answered the planner, or gave the word for another run, does not approve it', async () => {
  const eve = await at.enrol('Eve', 'author', 'approver');
  const ticket = await file('It asks');
  const run = await runOf(ticket);
  await at.until(
    'the question',
    async () => (await at.api('GET', `/tickets/${ticket}`)).body.question === ASKS,
  );
  await at.api('POST', `/tickets/${ticket}/answers`, { text: 'to the left' }, eve.token);
  const refused = { status: 403, body: { detail: expect.stringContaining('answered') } };
  expect(await approve((await gateOf(run)).id, eve.token)).toMatchObject(refused);

  const other = await file('Guard it');
  const first = await runOf(other);
  await gateOf(first);
  await at.api('POST', `/runs/${first}/cancel`, { reason: 'not yet' });
  await at.until('its end', async () => (await stateOf(first)) === 'cancelled');
  await at.api('POST', `/tickets/${other}/answers`, { text: 'now, and so', again: true }, eve.token);
  const again = await runOf(other, 2);
  expect(await approve((await gateOf(again)).id, eve.token)).toMatchObject(refused);
});

test.each([' Fay', 'fay', 'F\u0430y', 'F\u200bay', 'Ｆay'])('beside Fay, %j is not let in', async (name) => {
  if (!((await at.api('GET', '/people')).body as { name: string }[]).some((one) => one.name === 'Fay'))
    await at.enrol('Fay', 'approver');
  const refused = await invite(name, ['approver']);
  expect([409, 422]).toContain(refused.status);
  expect(refused.body.detail).toMatch(/Fay|mixes|invisible/);
});

test('an invitation is used once, in time, by whoever has the code, who alone is shown the token', async () => {
  const invited = await invite('Gil', ['author']);
  expect(invited).toMatchObject({ status: 201, body: { code: expect.any(String), name: 'Gil' } });
  expect(JSON.stringify(invited.body)).not.toContain('token');
  const { id, code } = invited.body;
  const view = async () =>
    ((await at.api('GET', '/people')).body as { id: string; state: string }[]).find((one) => one.id === id)
      ?.state;
  expect(await view()).toBe('invited');
  expect((await at.api('GET', '/people', undefined, code)).status).toBe(401);
  const { token } = (await accept(code)).body;
  expect((await at.api('GET', '/people', undefined, token)).status).toBe(200);
  expect(await accept(code)).toMatchObject({ status: 401, body: { code: 'bad-invitation' } });
  expect(await view()).toBe('enrolled');
  const lines = (await at.api('GET', '/trail?limit=1000')).body as { type: string; actor: string }[];
  const own = lines.filter((line) => line.type.startsWith('person.')).slice(-2);
  expect(own).toMatchObject([
    { type: 'person.invited', actor: 'per_00000000admin' },
    { type: 'person.accepted', actor: id },
  ]);
  expect((await invite('Hal', ['author'], token)).status).toBe(403);
});

test('an expired invitation says so, and is listed so', async () => {
  const { id, code } = (await invite('Ida', ['author'])).body;
  const sql = postgres(db.url.postgres, { max: 1 });
  await sql`update millwright.people set code_expires_at = 1 where id = ${id}`;
  await sql.end();
  expect(await accept(code)).toMatchObject({
    status: 410,
    body: { detail: expect.stringContaining('expired') },
  });
  const people = (await at.api('GET', '/people')).body as { id: string; state: string }[];
  expect(people.find((one) => one.id === id)?.state).toBe('expired');
  const { code: another } = (await at.api('POST', `/people/${id}/rotation`, {})).body;
  expect((await accept(another)).status).toBe(200);
});

test('a person rotates their own token, and nobody but an administrator another one’s', async () => {
  const [jo, kim] = [await at.enrol('Jo', 'author'), await at.enrol('Kim', 'author')];
  const mine = await at.api('POST', `/people/${jo.id}/rotation`, {}, jo.token);
  expect(mine.body).toMatchObject({ kind: 'own', token: expect.any(String) });
  expect((await at.api('GET', '/people', undefined, jo.token)).status).toBe(401);
  expect((await at.api('GET', '/people', undefined, mine.body.token)).status).toBe(200);
  expect((await at.api('POST', `/people/${jo.id}/rotation`, {}, kim.token)).status).toBe(403);
  expect((await at.api('POST', '/people/per_00000000none/rotation', {})).status).toBe(404);
  const admin = 'per_00000000admin' as PersonId;
  expect((await at.api('POST', `/people/${admin}/rotation`, {})).body.hint).toContain('token');
});

/** Invited with roles in one scope only. */
const within = async (name: string, roles: string[], scope: object, token?: string) => {
  const invited = await at.api('POST', '/people/invitations', { name, roles, scope }, token);
  expect(invited.status, JSON.stringify(invited.body)).toBe(201);
  const { id, token: own } = (await accept(invited.body.code)).body as { id: string; token: string };
  return { id, token: own };
};
const unit = (name: string) => ({ kind: 'unit', unit: name });
const change = (verb: 'grants' | 'revocations', whom: string, role: string, scope: object, token?: string) =>
  at.api('POST', `/people/${whom}/${verb}`, { role, scope, reason: 'so it is' }, token);
/** Whose yes the gate was judged with. */
const judgedWith = async (gate: string): Promise<string[]> =>
  (await at.api('GET', `/gates/${gate}`)).body.facts.approvals;

test('roles are had in a unit or a repository: of what is in another nobody allows anything, and what is taken does not count', async () => {
  await at.api('POST', '/repos/shop/unit', { unit: 'payments', reason: 'it takes money' });
  const lea = await within('Lea', ['approver', 'author'], unit('ledger'));
  const pia = await within('Pia', ['approver'], unit('payments'));
  const [max, boss] = [await at.enrol('Max', 'author'), await at.enrol('Boss', 'admin')];
  const rob = await within('Rob', ['approver'], { kind: 'repo', repo: 'shop' });
  expect((await at.api('GET', '/people/Pia')).body).toMatchObject({
    ...{ id: pia.id, roles: [], grants: [{ role: 'approver', scope: unit('payments') }] },
  });

  const elsewhere = { status: 403, body: { code: 'forbidden', exitCode: 4 } };
  const told = 'for repository shop, of unit payments; Lea has approver, author of unit ledger';
  expect(await at.api('POST', '/tickets', { repo: 'shop', markdown: '# No' }, lea.token)).toMatchObject({
    ...elsewhere,
    body: { detail: `this needs the role author or admin ${told}` },
  });
  const run = await runOf(await file('Guard it'));
  const gate = await gateOf(run);
  expect(await approve(gate.id, lea.token)).toMatchObject({
    ...elsewhere,
    body: { detail: `this needs the role approver ${told}` },
  });
  expect((await approve(gate.id, pia.token)).status).toBe(200);
  await at.until('hers to be counted', async () => (await judgedWith(gate.id)).includes(pia.id));

  // Taken at once: she says nothing more, and what she said before is not counted beside another's.
  expect((await change('revocations', 'Pia', 'approver', unit('payments'))).body.grants).toEqual([]);
  expect(await change('revocations', 'Pia', 'approver', unit('payments'))).toMatchObject({
    body: { code: 'not-granted' },
  });
  expect((await approve(gate.id, pia.token)).status).toBe(403);
  await at.until('the gate to take his', async () => (await approve(gate.id, rob.token)).status === 200);
  await at.until('his alone to be counted', async () => (await judgedWith(gate.id)).join() === rob.id);
  expect((await at.api('GET', `/runs/${run}`)).body).toMatchObject({ state: 'waiting' });

  // Given back by the requester since, it is nobody's yes: not hers, and not of a unit that the repository was moved to.
  await change('grants', 'Pia', 'approver', unit('payments'));
  const since = {
    ...elsewhere,
    body: { detail: expect.stringContaining('their role here since the ticket') },
  };
  expect(await approve(gate.id, pia.token)).toMatchObject(since);
  await at.api('POST', '/repos/shop/unit', { unit: 'ledger', reason: 'for a friend' });
  expect(await approve(gate.id, lea.token)).toMatchObject(since);
  await at.api('POST', '/repos/shop/unit', { unit: 'payments', reason: 'and back' });
  // Whom the requester let in since gives it as little as they do; who was there before does.
  const other = await within('Ola', ['admin'], { kind: 'factory' });
  await change('grants', max.id, 'approver', unit('payments'), other.token);
  expect(await approve(gate.id, max.token)).toMatchObject(since);
  await change('revocations', max.id, 'approver', unit('payments'), boss.token);
  await change('grants', max.id, 'approver', { kind: 'repo', repo: 'shop' }, boss.token);
  await at.until('the gate to take his', async () => (await approve(gate.id, max.token)).status === 200);
  await at.until('the merge', async () => (await stateOf(run)) === 'done');

  // Of a ticket that is filed after it, hers counts.
  const next = await runOf(await file('Guard it'));
  const later = await gateOf(next);
  for (const { token } of [pia, rob])
    await at.until('the gate to take it', async () => (await approve(later.id, token)).status === 200);
  await at.until('the merge', async () => (await stateOf(next)) === 'done');
});

test('an administrator of a unit gives in it what they have there, and nothing beyond it, nor to themselves', async () => {
  await at.api('POST', '/repos/shop/unit', { unit: 'payments', reason: 'it takes money' });
  const uma = await within('Uma', ['admin', 'approver'], unit('payments'));
  const kai = await at.enrol('Kai', 'author');
  const shop = { kind: 'repo', repo: 'shop' };
  for (const scope of [unit('payments'), shop])
    expect((await change('grants', 'Kai', 'approver', scope, uma.token)).status).toBe(200);
  const kais = (await at.api('GET', `/people/${kai.id}`)).body;
  expect(kais.grants).toHaveLength(3);
  for (const [role, scope] of [
    ['author', unit('payments')],
    ['approver', unit('ledger')],
    ['approver', { kind: 'factory' }],
  ] as const)
    expect(await change('grants', 'Kai', role, scope, uma.token)).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
  expect(await change('grants', 'Uma', 'author', unit('payments'), uma.token)).toMatchObject({
    body: { code: 'own-role', exitCode: 4 },
  });
  const refused = await at.api(
    ...([
      'POST',
      '/people/invitations',
      { name: 'Una', roles: ['author'], scope: unit('payments') },
    ] as const),
    uma.token,
  );
  expect(refused.status).toBe(403);
  await within('Ulf', ['approver'], unit('payments'), uma.token);
  expect((await at.api('GET', `/people/${kai.id}`)).body).toEqual(kais);
  expect((await change('revocations', 'Kai', 'author', { kind: 'factory' }, uma.token)).status).toBe(403);
  expect((await change('revocations', 'Kai', 'approver', shop, uma.token)).status).toBe(200);

  const as = (url: string, body: object) => at.api('POST', url, { reason: 'mine', ...body }, uma.token);
  expect(
    (await as('/repos/shop/secrets', { name: 'X', value: 'of payments 1', reason: undefined })).status,
  ).toBe(200);
  expect((await as('/budgets', { scope: 'repo/shop', usd: 50 })).status).toBe(200);
  expect((await as('/halt', { scope: unit('payments') })).status).toBe(200);
  expect((await as('/resume', { scope: unit('payments') })).status).toBe(200);
  for (const [url, body] of [
    ['/units', { name: 'third' }],
    ['/budgets', { scope: 'unit/payments', usd: 1_000 }],
    ['/repos/shop/unit', { unit: 'ledger' }],
    ['/halt', {}],
    ['/halt', { scope: { kind: 'action', action: 'merge' } }],
    [`/people/${kai.id}/erasure`, {}],
  ] as const)
    expect(await as(url, body), url).toMatchObject({ status: 403, body: { code: 'forbidden' } });
});

test('no token, a wrong one and one without the role each say what to do', async () => {
  const none = await at.api('GET', '/people', undefined, null);
  expect(none).toMatchObject({
    status: 401,
    body: { detail: expect.stringContaining('none was given'), exitCode: 4 },
  });
  for (const token of ['x', 'wrong-token-of-somebody', `mwt_${'a'.repeat(32)}`]) {
    const wrong = await at.api('GET', '/people', undefined, token);
    expect(wrong.body).toMatchObject({
      code: 'bad-token',
      detail: expect.stringContaining("nobody's"),
      exitCode: 4,
    });
  }
  const gate = await gateOf(await runOf(await file('Guard it')));
  const admin = await at.api('POST', `/gates/${gate.id}/approve`, { reason: 'mine' });
  expect(admin.body).toMatchObject({
    exitCode: 4,
    detail: expect.stringContaining('the role approver'),
    acts: [
      { act: 'sign-in-as', role: 'approver' },
      expect.objectContaining({ act: 'invite-person', role: 'approver' }),
      expect.objectContaining({ act: 'grant-role', role: 'approver' }),
    ],
  });
});
