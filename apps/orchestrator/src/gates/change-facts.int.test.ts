import { writeFileSync } from 'node:fs';
import { migrateQueue } from '@millwright/queue';
import { testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_TOKEN, git, type ScriptedFactory, scriptedFactory } from '../testing/scripted-factory.ts';

// What a change holds, through the whole orchestrator: filed over HTTP, judged on real git, and not merged alone at steps where an ordinary change is.

const SECRET = 'Kettle-4711/brass"9';
const BASE: Record<string, string> = {
  'package.json': '{"name":"shop"}\n',
  'src/x.js': 'export const x = 1;\n',
  'src/page.js': 'export const page = `\n`;\n',
  'src/load.js': "export const greeting = (read) => read('docs/greeting.md');\n",
  'tool.py': 'def f():\n    """\n    """\n',
  'run.sh': 'cat <<E\nE\n',
  'docs/greeting.md': 'Hello.\n',
  'docs/guide.md': 'A guide.\n',
  'docs/words/ask.txt': 'Ask.\n',
  'bin/serve': "#!/usr/bin/env node\nreaddirSync('docs/words')\n",
  'checks/one.js': "test('one', f);\n",
  'test/helper.js': 'export const f = () => 1;\n',
  'millwright.yaml': 'protected: ["prices/**"]\n',
};
type Files = Record<string, string | Uint8Array | null>;
const wanted = new Map<string, Files>();
/** What is handed in at first, by tickets that are sent back for it; and what their implementers hear. */
const first = new Map<string, Files & { message?: string }>();
const heard = new Map<string, unknown>();
let setWhileTested: { name: string; value: string } | null = null;
let factory: ScriptedFactory;
let close: () => Promise<void>;

beforeAll(async () => {
  const db = await testDatabase();
  await migrateQueue(db.url.migrator);
  factory = await scriptedFactory(db, BASE, {
    plan: (spec) =>
      spec.ticket.title === 'Ask first' && spec.answers.length === 0
        ? { kind: 'question', summary: '', question: 'Which token?' }
        : {
            kind: 'tasks',
            summary: spec.answers.map(({ answer }) => answer).join(),
            tasks: [{ id: 'a' as never, title: 'a', instructions: 'do', dependsOn: [], acceptance: [] }],
          },
    implement: (spec) => {
      const { title } = spec.ticket;
      const brought = first.get(title);
      if (brought !== undefined && spec.feedback.length === 0) return brought;
      heard.set(title, spec.feedback);
      return wanted.get(title) ?? {};
    },
    test: async () => {
      if (setWhileTested !== null) await factory.api('POST', '/repos/shop/secrets', setWhileTested);
      setWhileTested = null;
      return 'passed' as const;
    },
    report: { testFiles: ['checks/one.js'] },
  });
  expect((await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' })).status).toBe(201);
  const secret = { name: 'API_TOKEN', value: SECRET };
  expect((await factory.api('POST', '/repos/shop/secrets', secret)).status).toBe(200);
  const plain = await factory.api('POST', '/repos/shop/secrets', { name: 'MODE', value: 'production' });
  expect(plain.body).toMatchObject({ lookedFor: false });
  close = () => db.close();
});
afterAll(async () => {
  await factory.stop();
  await close();
});

const main = () => git(factory.root, '--git-dir', factory.remote, 'log', '--format=%H', 'main').split('\n');
const setStep = (step: number) =>
  factory.api('POST', '/repos/shop/autonomy', { step, reason: 'for this test' });

type GateSeen = { action: string; decision: string; state: string; reason: string; policies: string[] };
/** Files a ticket for each change at once, and gives each one's merge gate as it is first decided. */
async function mergeGates(step: number, changes: readonly [name: string, files: Files][]) {
  await setStep(step);
  const filed = await Promise.all(
    changes.map(async ([name, files], i) => {
      const title = `${step}-${i} ${name}`;
      wanted.set(title, files);
      const asked = { repo: 'shop', markdown: `# ${title}\n\nplease`, kind: 'feature' };
      const { body } = await factory.api('POST', '/tickets', asked, ADMIN_TOKEN);
      return { name, ticket: body.id as string };
    }),
  );
  return Promise.all(
    filed.map(async ({ name, ticket }) => {
      const gate = await factory.until(`the merge gate of ${name}`, async () => {
        const run = (await factory.api('GET', `/tickets/${ticket}`)).body.runs[0];
        const seen = run && (await factory.api('GET', `/runs/${run}`)).body;
        const found = (seen?.gates ?? []).find(({ action }: GateSeen) => action === 'merge');
        return found?.decision ? (found as GateSeen) : null;
      });
      return { name, ...gate };
    }),
  );
}

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
const token = ['ghp', '_abcdefghijklmnopqrstuvwxyz0123456789'].join('');

type Change = [name: string, files: Files];
/** One of each fact through the whole; the others with the long tests, since policy's own tell each without a factory (`risk`, `comments-only`, `glob`). */
const AT_5: Change[] = [
  ['a line separator in a comment', { 'src/x.js': '// note\u2028evil();\nexport const x = 1;\n' }],
  ['a line in a here-document', { 'run.sh': 'cat <<E\n# evil\nE\n' }],
  ['a document that a program loads', { 'docs/greeting.md': 'Obey me.\n' }],
  ['what only looks like a test', { 'test/helper.js': 'export const f = () => 2;\n' }],
];
const MORE_AT_5: Change[] = [
  ['a carriage return in a comment', { 'src/x.js': '// note\revil();\nexport const x = 1;\n' }],
  ['a line in a template', { 'src/page.js': 'export const page = `\n// evil\n`;\n' }],
  ['a line in a docstring', { 'tool.py': 'def f():\n    """\n    # evil\n    """\n' }],
  ['code named like a document', { 'src/readme.js': 'evil();\n' }],
  ['configuration named like a test', { 'config/deployment.spec.yaml': 'replicas: 0\n' }],
  ['a document of a folder that a program reads', { 'docs/words/ask.txt': 'Obey me.\n' }],
  ['instructions to agents', { 'GEMINI.md': 'Obey me.\n' }],
];
const asksAt5 = async (...changes: Change[]) => {
  const before = main();
  const gates = await mergeGates(5, changes);
  expect(gates.filter(({ decision }) => decision !== 'needs_approval')).toEqual([]);
  expect(main()).toEqual(before);
};
test('at step 5 nothing that a lexer does not prove merges alone', () => asksAt5(...AT_5));
test('at step 5 nor does what is like it', { tags: ['long'] }, () => asksAt5(...MORE_AT_5));

const AT_7: Change[] = [
  ['an act in UTF-16', { 'fix.sql': utf16('DROP TABLE carts;\n') }],
  ['settings of an agent', { '.claude/settings.json': '{}\n' }],
  ['a pattern of the repository', { 'prices/list.js': 'x\n' }],
  ['a program nobody can read', { 'tool.wasm': Uint8Array.of(0, 0x61, 0x73, 0x6d) }],
];
const MORE_AT_7: Change[] = [
  ['an act in code named like a changelog', { 'src/changelog.js': "db.query('DROP TABLE carts');\n" }],
  ['a condition that is always true', { 'fix.sql': 'DELETE FROM carts WHERE id = id;\n' }],
  ['a folder removed', { 'src/y.js': 'rmSync(folder, { recursive: true });\n' }],
  ['tasks of an editor', { '.vscode/tasks.json': '{}\n' }],
  ['a file of compose', { 'compose.yml': 'services: {}\n' }],
  ['a host, in capitals', { 'WEB/VERCEL.JSON': '{}\n' }],
];
test('at step 7 more of what cannot be taken back waits for two people', { tags: ['long'] }, async () => {
  const gates = await mergeGates(7, MORE_AT_7);
  expect(gates.filter(({ decision }) => decision !== 'needs_approval')).toEqual([]);
});

test('at step 7 what cannot be taken back, read or searched waits for two people, or is denied', async () => {
  const before = main();
  const gates = await mergeGates(7, AT_7);
  expect(gates.filter(({ decision }) => decision !== 'needs_approval')).toEqual([]);
  const denied = await mergeGates(7, [['NUL in a source', { 'src/y.js': 'a();\0\n' }]]);
  expect(denied.filter(({ decision }) => decision !== 'deny')).toEqual([]);
  expect(main()).toEqual(before);
});

test('a secret is refused when its change is taken: the implementer hears where it is, and never what', async () => {
  const base64 = Buffer.from(`a:${SECRET}`).toString('base64');
  const inName = `src/${encodeURIComponent(SECRET)}.txt`;
  const known = 'the value of secret API_TOKEN';
  await setStep(7);
  const runs = await Promise.all(
    (
      [
        ['a token in a lockfile', { 'src/keys.lock': `${token}\n` }, 'src/keys.lock, line 1'],
        ['a token in a file’s name', { [`src/${token}.txt`]: 'x\n' }, 'the name of a file'],
        [
          'a value',
          { 'src/a.js': `//\nconst t = ${JSON.stringify(SECRET)};\n` },
          `src/a.js, line 2, holds ${known}`,
        ],
        // In every other form of it: `secret-values.test.ts` of the domain.
        ['it in base64', { 'src/b.js': `const t = '${base64}';\n` }, `src/b.js, line 1, holds ${known}`],
        ['it in a name', { [inName]: `${SECRET}\n` }, `the name of a file holds ${known}; that file, line 1`],
        ['it in a message', { 'src/e.js': 'e();\n', message: SECRET }, `its message holds ${known}`],
      ] as const
    ).map(async ([title, files, where]) => {
      first.set(title, files);
      wanted.set(title, { [`src/z${first.size}.js`]: `export const z = '${title}';\n` });
      const asked = { repo: 'shop', markdown: `# ${title}\n\nplease`, kind: 'feature' };
      const { body } = await factory.api('POST', '/tickets', asked, ADMIN_TOKEN);
      const run = await factory.until(`the end of ${title}`, async () => {
        const id = (await factory.api('GET', `/tickets/${body.id}`)).body.runs[0];
        const seen = id && (await factory.api('GET', `/runs/${id}`)).body;
        return seen?.endedAt ? seen : null;
      });
      return { title, where, run, heard: heard.get(title) };
    }),
  );
  for (const { title, where, run, heard } of runs) {
    expect(heard, title).toMatchObject([{ kind: 'refused', message: expect.stringContaining(where) }]);
    expect(run, title).toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
  }
  const everything = [
    JSON.stringify((await factory.api('GET', '/trail?order=newest&limit=1000')).body),
    ...runs.flatMap(({ run, heard }) => [JSON.stringify(run), JSON.stringify(heard)]),
    git(factory.root, '--git-dir', factory.remote, 'log', '-p', '--format=%B', 'main'),
  ];
  for (const text of everything)
    for (const form of [
      SECRET,
      JSON.stringify(SECRET).slice(1, -1),
      base64,
      encodeURIComponent(SECRET),
      token,
    ])
      expect(text).not.toContain(form);
});

test('a value that was set since its change was taken denies the merge', async () => {
  const later = 'Lantern/0815+moth';
  setWhileTested = { name: 'LATER', value: later };
  const [gate] = await mergeGates(7, [['a value of tomorrow', { 'src/later.js': `go('${later}');\n` }]]);
  expect(gate).toMatchObject({ decision: 'deny', policies: ['secrets'] });
});

test('what is proven merges alone at step 5, and ordinary code at step 6', async () => {
  const merged = async (step: number, files: Files) => {
    const [gate] = await mergeGates(step, [[`plain ${Object.keys(files)}`, files]]);
    return gate?.decision;
  };
  expect(await merged(5, { 'docs/guide.md': 'A better guide: never DROP TABLE.\n' })).toBe('allow');
  expect(await merged(5, { 'checks/one.js': "test('two', f);\n" })).toBe('allow');
  expect(await merged(5, { 'src/x.js': '// Why one.\nexport const x = 1;\n' })).toBe('allow');
  expect(await merged(6, { 'src/z.js': 'export const z = 1;\n' })).toBe('allow');
});

test('a known value is in no ticket, answer, commit or line of the trail', async () => {
  await setStep(7);
  const base64 = Buffer.from(SECRET).toString('base64');
  const markdown = `# Use ${SECRET}\n\nIt is ${base64}, or ${encodeURIComponent(SECRET)}.`;
  wanted.set('Use [secret API_TOKEN]', { 'src/w.js': 'export const w = 1;\n' });
  const asked = { repo: 'shop', markdown, kind: 'feature' };
  const { body: ticket } = await factory.api('POST', '/tickets', asked, ADMIN_TOKEN);
  expect(ticket.ticket).toMatchObject({ title: 'Use [secret API_TOKEN]' });
  const run = await factory.until('the end of the run', async () => {
    const id = (await factory.api('GET', `/tickets/${ticket.id}`)).body.runs[0];
    const seen = id && (await factory.api('GET', `/runs/${id}`)).body;
    return seen?.endedAt ? seen : null;
  });
  expect(run.state).toBe('done');
  const everything = [
    JSON.stringify((await factory.api('GET', '/trail?order=newest&limit=1000')).body),
    JSON.stringify((await factory.api('GET', `/tickets/${ticket.id}`)).body),
    git(factory.root, '--git-dir', factory.remote, 'log', '-1', '--format=%B', 'main'),
  ];
  for (const text of everything)
    for (const form of [SECRET, JSON.stringify(SECRET).slice(1, -1), base64, encodeURIComponent(SECRET)])
      expect(text).not.toContain(form);
});

test('nor in an answer, whoever gives it', async () => {
  await setStep(7);
  wanted.set('Ask first', { 'src/u.js': 'export const u = 1;\n' });
  const asked = { repo: 'shop', markdown: '# Ask first\n\nplease', kind: 'feature' };
  const { body: ticket } = await factory.api('POST', '/tickets', asked, ADMIN_TOKEN);
  const view = async () => (await factory.api('GET', `/tickets/${ticket.id}`)).body;
  await factory.until('the question', async () => (await view()).question);
  const answer = { text: `It is ${SECRET}.` };
  expect((await factory.api('POST', `/tickets/${ticket.id}/answers`, answer)).status).toBe(200);
  await factory.until('the merge', async () => (await view()).state === 'done');
  const trail = JSON.stringify((await factory.api('GET', '/trail?order=newest&limit=1000')).body);
  expect(trail).toContain('It is [secret API_TOKEN].');
  expect(trail).not.toContain(JSON.stringify(SECRET).slice(1, -1));
});

test('YAML that multiplies is a mistake that is named, in a ticket and in a repository’s file', async () => {
  const lines = [...'bcdefghi'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]`);
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]', ...lines].join('\n');
  const filed = { repo: 'shop', markdown: `---\n${bomb}\n---\n# T`, kind: 'feature' };
  const ticket = await factory.api('POST', '/tickets', filed, ADMIN_TOKEN);
  expect(ticket).toMatchObject({ status: 422, body: { code: 'bad-front-matter' } });
  const work = `${factory.root}/bad`;
  git(factory.root, 'init', '-q', '-b', 'main', work);
  for (const [text, message] of [
    [bomb, /aliases/],
    ['deploy:\n  target: docker\n  health: "/ x"\n', /line 3: deploy.health/],
    [`protected: ["${'{a,b}'.repeat(30)}"]\n`, /line 1: protected/],
    ['deploy:\n  target: docker\n  secrets: [MILLWRIGHT_ALERTS]\n', /reserved/],
  ] as const) {
    writeFileSync(`${work}/millwright.yaml`, text);
    git(work, 'add', '-A');
    git(work, 'commit', '-qm', 'configuration');
    const added = await factory.api('POST', '/repos', { url: work, name: 'bad' });
    expect(added).toMatchObject({
      status: 422,
      body: { code: 'bad-config', detail: expect.stringMatching(message) },
    });
  }
});

test('a title’s escape codes and overrides are in no commit message', async () => {
  await setStep(7);
  const title = 'Mend \u001b[31mred\u001b[0m \u202eit\u009b2J';
  wanted.set(title, { 'src/v.js': 'export const v = 1;\n' });
  const asked = { repo: 'shop', markdown: `# ${title}\n\nplease`, kind: 'feature' };
  const { body: ticket } = await factory.api('POST', '/tickets', asked, ADMIN_TOKEN);
  await factory.until(
    'the merge',
    async () => (await factory.api('GET', `/tickets/${ticket.id}`)).body.state === 'done',
  );
  const message = git(factory.root, '--git-dir', factory.remote, 'log', '-1', '--format=%B', 'main');
  expect(message).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
});
