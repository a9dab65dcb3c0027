import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cli, cliOn } from '../../testing/cli.ts';
import { type ScriptedFactory, scriptedFactory } from '../../testing/scripted-factory.ts';

// What a person decides on, through the command line and the composed orchestrator: a change that has all that is dangerous, and waits.

const FILES = {
  'package.json': '{"name":"shop","scripts":{"test":"node --test"}}\n',
  'src/x.js': 'export const x = 1;\n',
  'millwright.yaml': 'protected: ["secret/**"]\n',
};
const CHANGE = {
  'src/x.js': 'export const x = 2;\n',
  'zz/drop.sql': 'DROP TABLE orders;\n',
  'secret/door.js': 'export const door = true;\n',
  'aaa.js': `${'a();\n'.repeat(400)}`,
};

const MINOR = { path: 'src/x.js', line: 1, severity: 'minor' as const, message: 'A name would help.' };

const NOTICED = 'src/pay.js:7: a price of null is sold for nothing.';

let db: TestDatabase;
let factory: ScriptedFactory;
let cli: Cli;
let ann: { token: string };
let bob: { token: string };
let run: { id: string; gates: { id: string; action: string; state: string }[] };

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  factory = await scriptedFactory(db, FILES, {
    implement: () => CHANGE,
    findings: [MINOR],
    noticed: ({ role }) => (role === 'plan' || role === 'implement' ? [NOTICED] : []),
  });
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
  cli = await cliOn(factory.app);
  ann = await factory.enrol('Ann', 'approver');
  bob = await factory.enrol('Bob', 'approver');
  const markdown = '# Add a door\n\nIt must open.';
  const { body } = await factory.api('POST', '/tickets', { repo: 'shop', markdown });
  run = await factory.until('the merge gate', async () => {
    const id = (await factory.api('GET', `/tickets/${body.id}`)).body.runs[0];
    const seen = id && (await factory.api('GET', `/runs/${id}`)).body;
    return seen?.gates.some((gate: { state: string }) => gate.state === 'waiting') ? seen : null;
  });
});
afterAll(async () => {
  await factory?.stop();
  await db?.close();
});

const gateId = () => run.gates.find((gate) => gate.state === 'waiting')?.id ?? '';

test('run diff gives the patch on stdout, what cannot be taken back first, then what is protected, then what is large', async () => {
  const { code, out, err } = await cli(['run', 'diff', run.id]);
  expect(code).toBe(0);
  const order = [...out.matchAll(/^diff --git a\/(\S+)/gm)].map((found) => found[1]);
  expect(order).toEqual(['zz/drop.sql', 'secret/door.js', 'aaa.js', 'src/x.js']);
  expect(err).toMatch(/4 files, \+403 -1, risk raised: the whole change/);
  expect(err).toMatch(/zz\/drop\.sql.*cannot be taken back: drops table `orders`/);
  expect(err).toMatch(/secret\/door\.js.*protected path/);
  const stat = await cli(['run', 'diff', run.id, '--stat']);
  expect(stat.out).toMatch(/aaa\.js.*large: 400 lines/);
  expect(stat.out).not.toContain('diff --git');
});

test('run plan, review, tests, logs and cost say what the stages made', async () => {
  expect((await cli(['run', 'plan', run.id])).out).toMatch(/do it[\s\S]*a {2}a[\s\S]*do/);
  expect((await cli(['run', 'review', run.id])).out).toContain('approved  the whole change');
  expect((await cli(['run', 'tests', run.id])).out).toContain('passed');
  const logs = await cli(['run', 'logs', run.id]);
  for (const role of ['plan', 'implement', 'review', 'test']) expect(logs.out).toContain(`does ${role}`);
  const cost = JSON.parse((await cli(['run', 'cost', run.id, '--json'])).out);
  expect(cost.stages.map((stage: { kind: string }) => stage.kind)).toContain('implement');
  expect(cost.usage.usd).toBeCloseTo(0.01 * cost.stages.length);
  const went = cost.stages.find((stage: { kind: string }) => stage.kind === 'implement').went;
  expect(went).toEqual({ toolOutput: 100, written: 0, thinking: 0 });
  expect(cost.dearest[0]).toMatchObject({ turn: 1, usage: { usd: 0.01 } });
  const shown = (await cli(['run', 'cost', run.id])).out;
  expect(shown).toMatch(/Where its tokens went[\s\S]*implement +100[\s\S]*Dearest turns[\s\S]*does /);
});

test('run show collects what approving reviews left open and agents noticed, each once, with how it becomes a ticket', async () => {
  const { out } = await cli(['run', 'show', run.id]);
  expect(out.match(/A name would help\./g)).toHaveLength(1);
  expect(out).toMatch(
    /Left open by its reviews\n +1\. minor: src\/x\.js:1: A name.*\n\nNoticed beside its tasks\n +2\. src\/pay\.js:7.* \(implement a\)\n.*run follow-up run_\w+ N/,
  );
});

test('gate show has what a yes binds and does, the change by risk, tests, review, ticket, plan and patch', async () => {
  const { code, out } = await cli(['gate', 'show', gateId()]);
  expect(code).toBe(0);
  const at = [
    'A yes',
    'binds commit',
    'Change\n',
    'Tests\n',
    'Review\n',
    'Ticket: Add a door',
    'Plan\n',
    'diff --git',
  ];
  const places = at.map((part) => out.indexOf(part));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(Math.min(...places)).toBeGreaterThan(0);
  expect(out).toContain('It must open.');
});

test('a run that does not exist, and an attempt of another run, are named', async () => {
  expect(await cli(['run', 'diff', 'run_0000000000000000'])).toMatchObject({ code: 1, out: '' });
  const { code, err } = await cli(['run', 'logs', run.id, '--attempt', 'att_0000000000000000']);
  expect([code, err]).toEqual([1, expect.stringContaining('there is no attempt of this run')]);
  const stage = await cli(['run', 'logs', run.id, '--stage', 'deploy']);
  expect([stage.code, stage.err]).toEqual([2, expect.stringContaining('it has had: plan, implement')]);
});

test('the last of two yeses is judged once more, and nothing says that it waits for one', async () => {
  const first = await cli(['gate', 'approve', gateId(), '--reason', 'read it'], { token: ann.token });
  expect(first.out).toContain('1 of 2 approvals');
  const last = await cli(['gate', 'approve', gateId(), '--reason', 'read it'], { token: bob.token });
  expect(last.code).toBe(0);
  expect(last.out).toContain('merge allowed');
  expect(last.out).not.toMatch(/waiting|so far/);
});

test('run follow-up files a ticket of one of them, once, which says the run; a number that is none is said', async () => {
  const listed = await cli(['run', 'follow-up', run.id]);
  expect(listed.out).toMatch(/1\. minor: [\s\S]*2\. src\/pay\.js:7/);
  const none = await cli(['run', 'follow-up', run.id, '3']);
  expect([none.code, none.err]).toEqual([1, expect.stringContaining(`${run.id} has 2, numbered from 1`)]);
  const file = async () => JSON.parse((await cli(['run', 'follow-up', run.id, '2', '--json'])).out);
  const filed = await file();
  expect(filed).toMatchObject({
    ...{ repo: 'shop', follows: run.id },
    ticket: {
      title: NOTICED,
      kind: 'bug',
      body: expect.stringMatching(/The implementer of run_\w+ came across/),
    },
  });
  expect((await file()).id).toBe(filed.id);
  expect((await cli(['ticket', 'show', filed.id])).out).toMatch(new RegExp(`follows +${run.id}`));
});
