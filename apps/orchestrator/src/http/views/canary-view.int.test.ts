import type { CanaryView } from '@millwright/api';
import type { Digest } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type MemoryTarget, memoryTarget } from '@millwright/rollback/testing';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cli, cliOn } from '../../testing/cli.ts';
import { type ScriptedFactory, scriptedFactory } from '../../testing/scripted-factory.ts';
import { report } from '../../testing/scripted-runner.ts';

// A canary as people watch it, through the command line and the API of the composed orchestrator, and in the run's bundle afterwards.

const FILES = {
  'package.json': '{"name":"shop","scripts":{"test":"node --test"}}\n',
  'millwright.yaml':
    'deploy: { target: docker, start: node server.js, port: 8080, expose: 18080, canary: { steps: [10, 50, 100], bake: 2s, minRequests: 50, wait: 10m } }\n',
};

/** Answers more at each look. At none a canary's first step goes on waiting, so that a test can look for as long as it takes. */
let flow = 0;
const answers = new Map<string, number>();
function figures(release: string) {
  const requests = (answers.get(release) ?? 40) + flow;
  answers.set(release, requests);
  return { requests, errors: 1 };
}

let db: TestDatabase;
let target: MemoryTarget;
let factory: ScriptedFactory;
let cli: Cli;

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  target = memoryTarget();
  target.faults.figures = figures;
  factory = await scriptedFactory(
    db,
    FILES,
    {
      implement: ({ run }) => ({ 'notes.md': `# ${run}\n` }),
      release: (spec) => ({
        id: spec.release,
        commit: spec.commit,
        tree: spec.tree,
        layer: `sha256:${spec.tree.padEnd(64, '0')}` as Digest,
        image: 'sha256:0',
        test: { ...report(spec.tree, 'passed'), tree: spec.tree },
        notes: '',
        watch: [],
      }),
    },
    {},
    target,
  );
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
  cli = await cliOn(factory.app);
});
afterAll(async () => {
  await factory?.stop();
  await db?.close();
});

const file = async (title: string): Promise<string> => {
  const { body } = await factory.api('POST', '/tickets', { repo: 'shop', markdown: `# ${title}\n\nplease` });
  return factory.until('its run', async () => (await factory.api('GET', `/tickets/${body.id}`)).body.runs[0]);
};
const runOf = async (id: string) => (await factory.api('GET', `/runs/${id}`)).body;
const ended = (id: string) =>
  factory.until(`the end of ${id}`, async () => {
    const run = await runOf(id);
    return run.endedAt ? run : null;
  });

test('share, step, verdict, figures and time left are in run show, run watch and release list while it goes on, and whole in the bundle', async () => {
  const first = await ended(await file('First'));
  expect(first).toMatchObject({ state: 'done', canary: { steps: [100], ended: { as: 'promoted' } } });

  const id = await file('Second');
  const watched = cli(['run', 'watch', id]);
  const seen: CanaryView = await factory.until('a share of traffic', async () => {
    const { canary } = await runOf(id);
    return canary?.percent === 10 ? canary : null;
  });
  expect(seen).toMatchObject({
    step: 1,
    steps: [10, 50, 100],
    ended: null,
    figures: { new: { requests: 40 } },
  });
  expect(seen.stepEndsAt).toBeGreaterThan(seen.startedAt);
  expect(seen.endsAt).toBe((seen.stepEndsAt ?? 0) + 4_000);
  const [show, list] = await Promise.all([cli(['run', 'show', id]), cli(['release', 'list'])]);
  for (const { out } of [show, list]) {
    expect(out).toMatch(/canary rel_\w+: (10|50|100) % of traffic, step \d of 3, \S/);
    expect(out).toContain('new: 40 requests, 1 failed; old: 40 requests, 1 failed');
  }
  expect(list.out).toMatch(/● canary/);

  flow = 100;
  const run = await ended(id);
  expect(run.canary).toMatchObject({ percent: 100, ended: { as: 'promoted' } });
  expect(
    run.canary.history.map((step: { percent: number; verdict: string }) => [step.percent, step.verdict]),
  ).toEqual([
    [10, 'healthy'],
    [50, 'healthy'],
    [100, 'healthy'],
  ]);
  const { out, code } = await watched;
  expect(code).toBe(0);
  for (const share of [10, 50, 100]) expect(out).toContain(`${share} % of traffic`);
  expect((await cli(['release', 'show', run.release])).out).toMatch(
    /10 % .*healthy[\s\S]*50 % .*healthy[\s\S]*100 % .*healthy/,
  );

  const { body: bundle } = await factory.api('GET', `/runs/${id}/bundle`);
  const told = bundle.entries
    .filter(({ envelope }: { envelope: { stream: string } }) => envelope.stream === 'target/shop')
    .map(({ envelope }: { envelope: { type: string } }) => envelope.type);
  expect(told).toContain('target.judged');
  expect(told.filter((type: string) => type === 'target.effect-started').length).toBeGreaterThan(3);
  expect(told).toContain('target.released');
});

test('one that a person pauses says who, how long and why, wherever a canary is named', {
  tags: ['long'],
}, async () => {
  flow = 100;
  const id = await file('Paused');
  await factory.until('a share of traffic', async () => (await runOf(id)).canary?.percent === 10);
  await factory.api('POST', '/targets/shop/pause', { ms: 3_600_000, reason: 'let me look' });
  const { canary } = await runOf(id);
  expect(canary.paused).toMatchObject({ by: 'admin', reason: 'let me look' });
  expect(canary.stepEndsAt).toBe(canary.paused.until);
  for (const words of [
    ['run', 'show', id],
    ['release', 'list'],
    ['release', 'show', canary.release],
  ])
    expect((await cli(words)).out).toMatch(
      /of traffic, step 1 of 3, .*paused by admin for \d+:\d\d: let me look/,
    );
  await factory.api('POST', '/targets/shop/pause', { ms: 0, reason: 'seen' });
  expect(await ended(id)).toMatchObject({ state: 'done', canary: { paused: null } });
});

test('one that goes back says so, and why', async () => {
  flow = 0;
  const id = await file('Third');
  await factory.until('a share of traffic', async () => (await runOf(id)).canary?.percent === 10);
  const { release } = await runOf(id);
  target.faults.probe = (one) => one !== release;
  const run = await ended(id);
  expect(run).toMatchObject({ state: 'rolled_back', canary: { percent: 0, ended: { as: 'back' } } });
  expect((await cli(['release', 'show', release])).out).toMatch(/traffic went back[\s\S]*10 % .*degraded/);
});
