import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Shop, shop } from '../testing/shop.ts';

let db: TestDatabase;
let at: Shop;
const open = async (step = 6) => {
  at = await shop(db, step);
};
const x = (n: number) => ({ 'src/x.js': `export const x = ${n};\n` });

beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
});
afterEach(async () => {
  await at?.stop();
  await db.close();
});

test('a release goes forth and back before its deploy gate is asked, and the gate and the release say so', async () => {
  await open();
  expect((await at.ship(x(2))).state).toBe('done');
  const run = await at.ship(x(3));
  expect(run.state).toBe('done');
  const types = (await at.trail()).filter((line) => line.stream === `run/${run.id}`);
  const order = types.map((line) =>
    line.type === 'gate.asked' ? `${line.type} ${line.data.action}` : line.type,
  );
  expect(order.indexOf('release.rehearsed')).toBeGreaterThan(order.indexOf('release.built'));
  expect(order.indexOf('release.rehearsed')).toBeLessThan(order.indexOf('gate.asked deploy'));
  const gate = run.gates.find((one) => one.action === 'deploy');
  expect(gate?.reason).toMatch(/Undo: yes, \d+\.\d s, rehearsed just now\./);
  expect((await at.api('GET', `/gates/${gate?.id}`)).body.facts.undo).toMatchObject({
    possible: true,
    rehearsed: true,
    ms: expect.any(Number),
  });
  expect((await at.api('GET', `/releases/${run.release}`)).body.undo).toMatchObject({ possible: true });
  // What was prepared is what was deployed: it was started once.
  expect(at.target.calls.filter((call) => call === `start ${run.release}`)).toHaveLength(1);
});

test('a release that does not run is rolled back before anybody is asked to let it out', async () => {
  await open();
  await at.ship(x(2));
  const before = at.live();
  at.target.faults.ask = () => false;
  const ticket = await at.file(x(3));
  const run = await at.ended(ticket);
  expect(run.state).toBe('rolled_back');
  expect(run.gates.filter((gate) => gate.action === 'deploy')).toEqual([]);
  expect(at.live()).toBe(before);
  expect([...(await at.target.state()).serving]).toEqual([[before, 100]]);
  expect((await at.target.state()).releases.map((one) => one.id)).toEqual([before]);
  expect(at.main()[0]).toMatch(/^Revert/);
  const view = (await at.api('GET', `/tickets/${ticket}`)).body;
  expect(view).toMatchObject({ state: 'reopened' });
  expect(view.evidence.at(-1)).toMatch(/cannot be reached/);
});

test('what cannot be taken back is not started before two people allowed it, at the highest step too', async () => {
  await open(7);
  await at.ship(x(2));
  const people = [await at.enrol('Ann', 'approver'), await at.enrol('Bob', 'approver')];
  const ticket = await at.file({ 'db/2.sql': 'ALTER TABLE products DROP COLUMN weight;\n' });
  const waiting = (action: string) =>
    at.until(`the ${action} gate`, async () =>
      (await at.api('GET', '/gates')).body.find((gate: { action: string }) => gate.action === action),
    );
  const allow = async (action: string) => {
    const gate = await waiting(action);
    expect(gate.approvalsNeeded).toBe(2);
    for (const [index, { token }] of people.entries()) {
      await at.until('the gate to take it', async () => {
        const answer = await at.api('POST', `/gates/${gate.id}/approve`, { reason: `${index}` }, token);
        return answer.status === 200;
      });
    }
    return gate;
  };
  await allow('merge');
  const gate = await waiting('deploy');
  expect(gate.reason).toContain('Undo: no: drops column `weight`');
  expect(at.target.calls.filter((call) => call.startsWith('start '))).toHaveLength(1);
  await allow('deploy');
  expect((await at.ended(ticket)).state).toBe('done');
  expect(at.target.calls.filter((call) => call.startsWith('start '))).toHaveLength(2);
});

test('what was rehearsed and is not let out does not go on running', async () => {
  await open(3);
  const ann = await at.enrol('Ann', 'approver');
  const ticket = await at.file(x(2));
  for (const action of ['start', 'merge', 'deploy']) {
    const gate = await at.until(`the ${action} gate`, async () =>
      (await at.api('GET', '/gates')).body.find((one: { action: string }) => one.action === action),
    );
    const verb = action === 'deploy' ? 'deny' : 'approve';
    if (action === 'deploy') expect((await at.target.state()).releases).toHaveLength(1);
    expect((await at.api('POST', `/gates/${gate.id}/${verb}`, { reason: 'so' }, ann.token)).status).toBe(200);
  }
  expect((await at.ended(ticket)).state).toBe('denied');
  expect((await at.target.state()).releases).toEqual([]);
});
