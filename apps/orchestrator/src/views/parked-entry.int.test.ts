import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScriptedFactory, scriptedFactory } from '../testing/scripted-factory.ts';

// One entry that somebody who follows the trail cannot take, each time: it is parked and shown, and everything after it is heard.

let db: TestDatabase;
let at: ScriptedFactory;
beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await scriptedFactory(db, { 'package.json': '{"name":"shop"}\n' }, {});
  await at.api('POST', '/repos', { url: at.remote, name: 'shop' });
});
afterAll(async () => {
  await at?.stop();
  await db.close();
});

const line = async () =>
  (await at.api('GET', '/doctor')).body.find((one: { id: string }) => one.id === 'entries');

test('a listener that throws on one entry deafens nobody: filing, freezes and halts answer, and doctor is red', async () => {
  expect(await line()).toMatchObject({ ok: true });
  const stopListening = at.factory.views.listen(({ entry }) => {
    if (entry?.type === 'ticket.filed') throw new Error('this entry cannot be shown');
  });
  const file = () => at.api('POST', '/tickets', { repo: 'shop', markdown: '# A change\n\nplease' });
  expect((await file()).status).toBeLessThan(300);
  expect((await file()).status).toBeLessThan(300);
  expect((await at.api('POST', '/targets/shop/freeze', { reason: 'so' })).body).toMatchObject({
    frozen: true,
  });
  await at.api('POST', '/halt', { reason: 'all of it' });
  // An act that is under way on a slow machine is told as running until it is over.
  await at.until('all to stop', async () => (await at.api('GET', '/halts')).body.stopped);
  const red = await line();
  expect(red).toMatchObject({ ok: false, text: expect.stringContaining('this entry cannot be shown') });
  expect(red.text).toContain('2 entries are missing');
  stopListening();
  // A run that is filed under a halt says so, in every list.
  const { id } = (await file()).body;
  const run = await at.until('its run', async () => {
    const [first] = (await at.api('GET', `/tickets/${id}`)).body.runs;
    return first && (await at.api('GET', `/runs/${first}`)).body;
  });
  expect(run).toMatchObject({
    state: 'halted',
    reason: 'the factory is halted by admin: all of it',
    stop: { next: { act: 'resume', scope: { kind: 'factory' } } },
  });
  expect((await at.api('GET', `/runs/${run.id}/why`)).body).toMatchObject({
    state: 'halted',
    because: expect.arrayContaining([expect.objectContaining({ text: run.reason })]),
    next: { acts: [{ act: 'resume', scope: { kind: 'factory' } }] },
  });
  await at.api('POST', '/targets/shop/thaw', { reason: 'over' });
  expect((await at.api('POST', '/resume', { reason: 'over' })).body).toMatchObject({ halts: [] });
  // At step 0 it waits for a person from there on, as any other.
  await at.until('its gate', async () => (await at.api('GET', `/runs/${run.id}`)).body.state === 'waiting');
});

test('an entry that the read model refuses is missing from the trail as it is listed, and from nothing else, until it is made anew', async () => {
  const types = async () =>
    (await at.api('GET', '/trail?order=newest&limit=2')).body.map((one: { type: string }) => one.type);
  await types(); // what the tests before wrote is in the rows
  const owner = postgres(db.url.migrator, { max: 1 });
  await owner`alter table read.trail_lines add constraint poisoned check (type <> 'factory.resumed') not valid`;
  await owner.end();
  const views = async () => (await at.api('GET', '/views')).body;
  await at.api('POST', '/halt', { reason: 'so' });
  expect((await at.api('POST', '/resume', { reason: 'over' })).body).toMatchObject({ halts: [] });
  await at.api('POST', '/halt', { reason: 'once more' });
  expect(await types()).toEqual(['factory.halted', 'factory.halted']);
  const { parked } = await views();
  expect(parked).toMatchObject([{ type: 'factory.resumed', reason: expect.stringContaining('poisoned') }]);
  expect((await line()).text).toContain(`${parked[0].position} (factory.resumed)`);
  // What proves something leaves nothing out in silence.
  expect(await at.api('GET', '/trail/evidence?framework=soc2')).toMatchObject({
    status: 503,
    body: { code: 'entries-missing', acts: [{ act: 'rebuild-views' }] },
  });

  expect(await at.api('POST', '/views/rebuild')).toMatchObject({ status: 202 });
  await at.until('the rebuild', async () => (await views()).rebuilding === null);
  expect(await views()).toMatchObject({ parked: [], failed: null });
  expect(await types()).toEqual(['factory.halted', 'factory.resumed']);
  await at.api('POST', '/resume', { reason: 'over' });
  expect(await types()).toEqual(['factory.resumed', 'factory.halted']);
});
