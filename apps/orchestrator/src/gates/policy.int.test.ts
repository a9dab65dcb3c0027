import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { git, type ScriptedFactory, scriptedFactory } from '../testing/scripted-factory.ts';

// A repository's own policy through the whole orchestrator: what cannot be read, or breaks as it is asked, says no; what can only tightens.

const POLICY = '.millwright/policy.cedar';
type Entry = string | { link: string } | null;

let db: TestDatabase;
let factory: ScriptedFactory;
let tickets = 0;

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  factory = await scriptedFactory(
    db,
    { 'package.json': '{"name":"shop"}\n', 'src/old.js': 'old();\n' },
    {
      implement: (spec) => ({
        [`src/${spec.ticket.title}.js`]: 'export const one = 1;\n',
        'src/old.js': null,
      }),
    },
  );
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 7, reason: 'for this test' });
});
afterAll(async () => {
  await factory?.stop();
  await db?.close();
});

/** Puts these on the default branch, by whoever may push there; null removes. */
function push(files: Record<string, Entry>): void {
  const work = mkdtempSync(join(factory.root, 'edit-'));
  git(work, 'clone', '-q', factory.remote, '.');
  rmSync(join(work, POLICY), { recursive: true, force: true });
  for (const [path, entry] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    if (typeof entry === 'string') writeFileSync(join(work, path), entry);
    else if (entry !== null) symlinkSync(entry.link, join(work, path));
  }
  git(work, 'add', '-A');
  git(work, 'commit', '-qm', 'policy', '--allow-empty');
  git(work, 'push', '-q', 'origin', 'main');
}
const main = () => git(factory.root, '--git-dir', factory.remote, 'rev-parse', 'main');

async function file(): Promise<
  () => Promise<{ id: string; state: string; reason: string | null } & Record<string, unknown>>
> {
  tickets += 1;
  const asked = { repo: 'shop', markdown: `# change${tickets}\n`, kind: 'feature' };
  const { body } = await factory.api('POST', '/tickets', asked);
  const run = await factory.until(
    'its run',
    async () => (await factory.api('GET', `/tickets/${body.id}`)).body.runs?.[0],
  );
  return async () => (await factory.api('GET', `/runs/${run}`)).body;
}
const ended = async () => {
  const seen = await file();
  return factory.until('its end', async () => {
    const run = await seen();
    return run.endedAt === null ? null : run;
  });
};

test.each<[string, Record<string, Entry>, RegExp]>([
  ['that is none', { [POLICY]: 'allow everything\n' }, /repository's policy was refused: /],
  ['that permits', { [POLICY]: '@id("mine") permit (principal, action, resource);\n' }, /never permit/],
  [
    'of a fact that there is not',
    { [POLICY]: '@id("a") forbid (principal, action, resource) when { context.moon };\n' },
    /moon/,
  ],
  [
    'that is too long to be read',
    { [POLICY]: `//${'x'.repeat(70_000)}\n` },
    /policy\.cedar is over 65536 bytes/,
  ],
  [
    'that is a link',
    { [POLICY]: { link: 'strict.cedar' }, '.millwright/strict.cedar': '' },
    /policy\.cedar is a link, and no file/,
  ],
  ['that is a folder', { [`${POLICY}/one.cedar`]: '' }, /policy\.cedar is a folder, and no file/],
])('under a policy %s nothing starts, at the highest step too', async (_, files, said) => {
  push(files);
  const [before, attempts] = [main(), factory.runner.attempts.length];
  const run = await ended();
  expect(run.reason).toMatch(said);
  expect(run).toMatchObject({ state: expect.stringMatching(/^(denied|failed)$/), delivered: null });
  expect(factory.runner.attempts).toHaveLength(attempts);
  expect(main()).toBe(before);
});

test('a policy that breaks as it is asked denies the merge', async () => {
  const sum = 'context.change.files + 9223372036854775807 < 0';
  push({ [POLICY]: `@id("sum") forbid (principal, action == Action::"merge", resource) when { ${sum} };\n` });
  const before = main();
  const run = await ended();
  expect(run).toMatchObject({ state: 'denied', delivered: null });
  expect(main()).toBe(before);
});

test('one that asks before a file goes holds what would merge by itself, until a person allows it', async () => {
  const when = 'context.change.filesDeleted > 0 && context.approvals < 1';
  push({
    [POLICY]: `@id("first") @says("this shop asks first") forbid (principal, action == Action::"merge", resource) when { ${when} };\n`,
  });
  const ann = await factory.enrol('Ann', 'approver');
  const seen = await file();
  const gate = await factory.until('its merge gate', async () => {
    const gates = (await seen()).gates as { id: string; action: string; decision: string | null }[];
    return gates.find(({ action, decision }) => action === 'merge' && decision === 'needs_approval');
  });
  expect((await factory.api('GET', `/gates/${gate.id}`)).body).toMatchObject({
    policies: expect.arrayContaining(['repository/first']),
    reason: expect.stringContaining('this shop asks first'),
    facts: { change: { size: { files: 2, filesDeleted: 1 } } },
  });
  await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'yes' }, ann.token);
  const run = await factory.until('its end', async () => {
    const now = await seen();
    return now.endedAt === null ? null : now;
  });
  expect(run).toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
});
