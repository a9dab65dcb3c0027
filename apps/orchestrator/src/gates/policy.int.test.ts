import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shellOn } from '../testing/cli.ts';
import { git, type ScriptedFactory, scriptedFactory } from '../testing/scripted-factory.ts';

// A repository's own policy through the whole orchestrator: what cannot be read, or breaks as it is asked, says no; what can only tightens.

const POLICY = '.millwright/policy.cedar';
type Entry = string | { link: string } | null;

let db: TestDatabase;
let factory: ScriptedFactory;
let tickets = 0;
/** A gate that somebody allowed. */
let allowed = '';

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
  allowed = gate.id;
  await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'yes' }, ann.token);
  const run = await factory.until('its end', async () => {
    const now = await seen();
    return now.endedAt === null ? null : now;
  });
  expect(run).toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
});

test('the page on policy does what it says, command by command', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/policy.md'), 'utf8');
  const shell = await shellOn(factory.app, mkdtempSync(join(factory.root, 'page-')));
  const said: string[] = [];
  for (const [, block = ''] of page.matchAll(/^```\n(.*?)^```$/gms)) {
    const ran = await shell(block.replaceAll('GATE', allowed));
    // Exit code 1: a decision would be another one.
    expect([block, ran.code, ran.err]).toEqual([block, block.includes('policy replay') ? 1 : 0, '']);
    said.push(ran.out);
  }
  const [shown, checked, tested, replayed, explained] = said;
  for (const line of [
    'default  Millwright',
    'unit default: none',
    '.millwright/policy.cedar of main',
    'this shop asks first',
  ])
    expect(shown).toContain(line);
  expect(shown).toContain('@id("two-people-protected")');
  expect(checked).toContain('2 policies, all of which may be set');
  expect(tested).toContain('4 cases, all as expected');
  // What somebody allowed under the policy of then merges by itself under this one.
  expect(replayed).toMatch(/merge +one person +allow/);
  expect(replayed).toMatch(/1 of \d+ decisions would be another: 0 stricter, 1 looser/);
  expect(replayed).toContain('could not be judged again');
  // Of a decision, from what was kept with it: the policy is another by now, and it is told by the one of then.
  expect(explained).toContain('approvals were 0, not 1');
});

test('what is wrong with a policy or a case ends with exit code 1, and says where', async () => {
  const folder = mkdtempSync(join(factory.root, 'wrong-'));
  const shell = await shellOn(factory.app, folder);
  writeFileSync(
    join(folder, 'a.cedar'),
    '@id("a") forbid (principal, action == Action::"merge", resource)\n  when { context.approvals < 1 };\n',
  );
  writeFileSync(
    join(folder, 'b.cedar'),
    '// moon\n@id("b") forbid (principal, action, resource) when { context.moon };\n',
  );
  const wrong = await shell('./millwright policy check .');
  expect([wrong.code, wrong.out]).toEqual([1, expect.stringMatching(/^✖ b\.cedar:2:\d+ b: .*moon/)]);
  rmSync(join(folder, 'b.cedar'));
  writeFileSync(join(folder, 'a.test.yaml'), '- { name: a merge, action: merge, expect: allow }\n');
  const failed = await shell('./millwright policy test .');
  expect([failed.code, failed.out]).toEqual([
    1,
    expect.stringMatching(/✖ a merge\n +expected {2}allow\n +got +one person, by .*\ba\b/),
  ]);
});
