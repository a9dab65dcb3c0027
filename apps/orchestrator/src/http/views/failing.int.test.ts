import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cli, cliOn } from '../../testing/cli.ts';
import { type ScriptedFactory, scriptedFactory } from '../../testing/scripted-factory.ts';
import type { Script } from '../../testing/scripted-runner.ts';

// Where tests are said to have failed, what they said is there: through the command line and the composed orchestrator.

const FILES = { 'package.json': '{"name":"shop","scripts":{"test":"node --test"}}\n' };
const suite = {
  command: 'npm test',
  exitCode: 1,
  timedOut: false,
  output: 'collected 0 items\nModuleNotFoundError: no module named requests\n',
  ms: 1_200,
};

let db: TestDatabase;
let factory: ScriptedFactory;
let cli: Cli;
const script: Script = {
  implement: ({ attempt }) => ({ 'notes.md': `# ${attempt}\n` }),
  test: () => 'failed',
  report: { reason: 'the suite fails', suite },
};

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  factory = await scriptedFactory(db, FILES, script, {
    limits: { reworks: 1, attempts: 2, tasks: 2, rebases: 2 },
  });
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
  cli = await cliOn(factory.app);
});
afterAll(async () => {
  await factory?.stop();
  await db?.close();
});

/** A run of a ticket, once it is over or waits for somebody. */
async function runOf(title: string): Promise<string> {
  const { body } = await factory.api('POST', '/tickets', { repo: 'shop', markdown: `# ${title}\n` });
  return factory.until('its end', async () => {
    const id = (await factory.api('GET', `/tickets/${body.id}`)).body.runs[0];
    const run = id && (await factory.api('GET', `/runs/${id}`)).body;
    return run?.endedAt || run?.state === 'waiting' ? id : null;
  });
}

test('run why, run show and run tests have the end of what the suite said', async () => {
  const id = await runOf('Fails');
  const why = await cli(['run', 'why', id]);
  expect(why.out).toMatch(
    /it said:\n\s+the suite fails\n.*[\s\S]*ModuleNotFoundError: no module named requests/,
  );
  expect((await cli(['run', 'show', id])).out).toMatch(/test .*failed.*the suite fails/);
  const tests = await cli(['run', 'tests', id]);
  expect(tests.out).toMatch(/\$ npm test {2}exit code 1[\s\S]*ModuleNotFoundError: no module named requests/);
});

test('where causes are known they are what is shown, the first of them first', async () => {
  script.report = {
    reason: 'two tests fail',
    suite,
    failures: [
      { cause: 'Error: the cart is empty', tests: ['cart > adds', 'cart > removes'], count: 2 },
      { cause: 'Error: no such page', tests: ['page > 404'], count: 1 },
    ],
  };
  const id = await runOf('Fails by cause');
  for (const args of [
    ['run', 'why', id],
    ['run', 'tests', id],
  ]) {
    const { out } = await cli(args);
    expect(out.indexOf('the cart is empty')).toBeGreaterThan(0);
    expect(out.indexOf('no such page')).toBeGreaterThan(out.indexOf('the cart is empty'));
    expect(out).toContain('cart > adds');
    expect(out).not.toContain('collected 0 items');
  }
});

test('an acceptance check that is not met shows its command and what it said, and the run shows each', async () => {
  const of = (acceptance: string, before: number, after: number) => ({
    ...{ acceptance, kind: 'change' as const, before: { ...suite, exitCode: before } },
    result: { ...suite, exitCode: after, command: 'node check.js', output: 'expected 19, got 0' },
  });
  script.checks = () =>
    ['adds tax', 'says it', 'has a cart', 'was cut off'].map((acceptance) => ({
      ...{ acceptance, command: 'node check.js' },
    }));
  script.report = {
    reason: 'an acceptance check is not met',
    acceptance: [of('adds tax', 1, 1), of('says it', 1, 0), of('has a cart', 0, 0)],
  };
  const id = await runOf('Unmet');
  delete script.checks;
  const shown = (await cli(['run', 'show', id])).out;
  expect(shown).toMatch(
    /Acceptance checks\n +✖ adds tax +\(not met\)\n +✔ says it +\(met\)\n +\? has a cart +\(cannot tell: it is to show the change, and holds on the base already\)\n +\? was cut off +\(cannot tell: it was not run/,
  );
  expect((await cli(['run', 'tests', id])).out).toMatch(
    /✖ adds tax\n\s+\$ node check\.js\n\s+expected 19, got 0/,
  );
  expect((await cli(['run', 'why', id])).out).toContain('expected 19, got 0');
});

test('watched into a pipe after the fact, each line has the time at which it happened', async () => {
  script.test = () => 'passed';
  script.report = {};
  const id = await runOf('Passes');
  const run = (await factory.api('GET', `/runs/${id}`)).body;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const { out } = await cli(['run', 'watch', id]);
  for (const gate of run.gates) {
    const at = new Date(gate.changedAt - new Date(gate.changedAt).getTimezoneOffset() * 60_000);
    expect(out).toMatch(new RegExp(`${at.toISOString().slice(11, 19)} . ${gate.action} allowed`));
    expect(gate.changedAt).toBeLessThanOrEqual(run.endedAt);
  }
});
