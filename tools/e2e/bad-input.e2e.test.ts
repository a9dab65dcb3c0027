import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type RecordedServer, startRecorded } from '@millwright/agents/recorded';
import type { RepoView, RunView, TicketView } from '@millwright/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ON_NODE } from './cheats.ts';
import { type CliOptions, type Factory, type Ran, startFactory } from './factory.ts';
import { git, type Remote } from './remote.ts';

// What people get wrong: each has a message that says what, the right exit code, and leaves nothing behind.

/** A billion of them, in a few lines. */
const BOMB = [...'abcdefghi']
  .map((name, at) => `${name}: &${name} [${Array(10).fill(at === 0 ? 'x' : `*${'abcdefghi'[at - 1]}`)}]\n`)
  .join('');
const DEEP = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
const atHealth = (path: string) => `deploy:\n  target: docker\n  health: ${JSON.stringify(path)}\n`;
const patterns = (...all: string[]) => `protected: ${JSON.stringify(all)}\n`;
/** What would take minutes, or end the factory, if it were taken for what it says. */
const CONFIGURATIONS: readonly [what: string, text: string, message: RegExp][] = [
  ['aliases that multiply', BOMB, /millwright\.yaml line 1: its aliases .* at most 10/],
  ['lists without end', `protected: ${DEEP}\n`, /millwright\.yaml line 1: it is nested too deep/],
  ['a pattern of many choices', patterns('{a,b}'.repeat(30)), /line 1: protected.*at most three \{…\}/],
  ['a pattern of many folders', patterns(`${'**/'.repeat(30)}x`), /line 1: protected.*at most four \*\*/],
  ['a pattern of many stars', patterns('*a'.repeat(30)), /line 1: protected.*at most two \*/],
  ['a health path with a space', atHealth('/ x'), /line 3: deploy\.health: a path from \/.*%20/],
  ['a health path of two lines', atHealth('/x\r\nHost: y'), /line 3: deploy\.health: a path from \//],
  ['a health path of another host', atHealth('http://127.0.0.1/'), /line 3: deploy\.health: a path from \//],
];

let factory: Factory;
let model: RecordedServer;
let sum: Remote;
let base: string;

const TOKEN = ['ghp', '_abcdefghijklmnopqrstuvwxyz0123456789'].join('');
const WRONG_KEY = 'sk-wrong-0123456789';

beforeAll(async () => {
  model = await startRecorded({ conversations: [], key: 'the-right-key' });
  factory = await startFactory({
    model: { url: model.url, key: WRONG_KEY },
    env: { MILLWRIGHT_CALL_TRIES: '2' },
  });
  sum = await factory.remote('sum', ON_NODE);
  base = await sum.head();
  await factory.add(sum);
});
afterAll(async () => {
  await model?.close();
  await factory?.close();
});
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

const repos = async () => ((await factory.api('GET', '/repos')).body as RepoView[]).map(({ name }) => name);
const tickets = async () => (await factory.api('GET', '/tickets')).body as TicketView[];
/** The factory's own copies on disk. */
const copies = () => readdirSync(join(factory.data, 'orchestrator', 'repos')).sort();

const said = ({ stderr, stdout }: Ran) => `${stderr}${stdout}`;

describe('a ticket', () => {
  const file = (stdin: string, args: string[] = ['--repo', 'sum']) =>
    factory.cli(['ticket', 'file', '-', ...args], { stdin });

  it.each<[string, string, string[], number, RegExp]>([
    ['without a title', 'just text\n', ['--repo', 'sum'], 2, /no title.*first heading/s],
    ['that is empty', '', ['--repo', 'sum'], 2, /no title|empty/],
    ['over 256 KiB', `# T\n${'x'.repeat(262_144)}`, ['--repo', 'sum'], 2, /262144|256 KiB/],
    ['with broken front matter', '---\ntitle: [\n---\nx\n', ['--repo', 'sum'], 2, /line \d/],
    ['with an unknown key', '---\ntitle: T\nprio: 1\n---\n', ['--repo', 'sum'], 2, /unknown key: prio/],
    ['of an unknown kind', '---\ntitle: T\nkind: wish\n---\n', ['--repo', 'sum'], 2, /kind/],
    ['of no kind that --kind takes', '# T\n', ['--repo', 'sum', '--kind', 'wish'], 2, /--kind takes feature/],
    [
      'for an unknown repository',
      '# T\n',
      ['--repo', 'nowhere'],
      1,
      /no repository nowhere.*there are: sum/s,
    ],
    ['for no repository', '# T\n', [], 2, /--repo/],
    [
      'whose front matter multiplies',
      `---\n${BOMB}---\n# T\n`,
      ['--repo', 'sum'],
      2,
      /aliases .* at most 10/,
    ],
    [
      'whose front matter is nested without end',
      `---\ntitle: ${DEEP}\n---\n`,
      ['--repo', 'sum'],
      2,
      /line 2: it is nested too deep/,
    ],
  ])('%s is refused', async (_, text, args, code, message) => {
    const before = await tickets();
    const ran = await file(text, args);
    expect(said(ran)).toMatch(message);
    expect(ran.code).toBe(code);
    expect(await tickets()).toEqual(before);
  });

  it('over 256 KiB is refused by the API too, which a client need not know', async () => {
    const { status, body } = await factory.api('POST', '/tickets', {
      repo: 'sum',
      markdown: `# T\n${'x'.repeat(262_144)}`,
    });
    expect({ status, body }).toMatchObject({ status: 413, body: { code: 'ticket-too-large', exitCode: 2 } });
    expect(await tickets()).toEqual([]);
  });

  it('is refused while millwright.yaml on the branch is broken, with the line', async () => {
    await sum.commit({ 'millwright.yaml': 'test: npm test\nautonomy: 9\n' });
    const ran = await file('# T\n');
    await sum.commit({ 'millwright.yaml': null });
    expect(said(ran)).toMatch(/millwright\.yaml line 2: autonomy/);
    expect(ran.code).toBe(1);
    expect(await tickets()).toEqual([]);
    base = await sum.head();
  });
});

describe('a repository', () => {
  const place = () => dirname(sum.path);

  const cases: [string, () => Promise<string[]>, number, RegExp][] = [
    [
      'that is not git',
      async () => {
        mkdirSync(join(place(), 'plain'));
        return [join(place(), 'plain')];
      },
      1,
      /plain.*not.*git repository/s,
    ],
    ['that is not there', async () => ['/nonexistent/repository.git'], 1, /nonexistent/],
    [
      'that is empty',
      async () => {
        const path = join(place(), 'empty.git');
        mkdirSync(path);
        await git(path, ['init', '--quiet', '--bare', '-b', 'main']);
        return [path];
      },
      1,
      /no commit yet.*push a first commit/s,
    ],
    [
      'without that branch',
      async () => [sum.path, '--name', 'b', '--branch', 'next'],
      1,
      /no branch next; it has main/,
    ],
    [
      'of another protocol',
      async () => ["ext::sh -c 'touch /tmp/millwright-ext'", '--name', 'c'],
      1,
      /ext:: is not allowed/,
    ],
    ...Object.entries({
      'before its host': `https://${TOKEN}@example.invalid/x.git`,
      'behind its path': `https://example.invalid/x.git?private_token=${TOKEN}`,
    }).map(([where, url]): (typeof cases)[number] => [
      `whose address has a token ${where}`,
      async () => [url, '--name', 'c'],
      1,
      /would be kept for good and shown to everybody.*--with-token/,
    ]),
    ['by plain http', async () => ['http://127.0.0.1:1/x.git'], 1, /http is not allowed/],
    [
      'with a broken millwright.yaml',
      async () => [
        (await factory.remote('broken', { 'millwright.yaml': 'test: npm test\nbuilt: x\n' })).path,
      ],
      1,
      /millwright\.yaml line 2: unknown key built/,
    ],
    ...CONFIGURATIONS.map(([what, text, message], nth): (typeof cases)[number] => [
      `whose millwright.yaml has ${what}`,
      async () => [(await factory.remote(`odd-${nth}`, { 'millwright.yaml': text })).path],
      1,
      message,
    ]),
    [
      'whose millwright.yaml is a folder',
      async () => [(await factory.remote('folder', { 'millwright.yaml/one': 'test: npm test\n' })).path],
      1,
      /millwright\.yaml is a folder, and no file/,
    ],
    [
      'whose millwright.yaml is too long',
      async () => [(await factory.remote('long', { 'millwright.yaml': `#${'x'.repeat(70_000)}\n` })).path],
      1,
      /millwright\.yaml is over 65536 bytes/,
    ],
    ['with a bad name', async () => [sum.path, '--name', 'Not A Name'], 1, /a repository name is/],
    [
      'that is there already',
      async () => [sum.path, '--name', 'sum'],
      1,
      /there is a repository sum already/,
    ],
    [
      'delivered in no way there is',
      async () => [sum.path, '--name', 'd', '--deliver', 'mail'],
      2,
      /--deliver takes merge or branch/,
    ],
  ];

  it.each(cases)('%s is refused', async (_, args, code, message) => {
    const there = async () => ({ repos: await repos(), copies: copies() });
    const before = await there();
    const ran = await factory.cli(['repo', 'add', ...(await args())]);
    expect(said(ran)).toMatch(message);
    expect(ran.code).toBe(code);
    expect(await there()).toEqual(before);
    expect(JSON.stringify((await factory.api('GET', '/trail?order=newest&limit=1000')).body)).not.toContain(
      TOKEN,
    );
  });
});

describe('a model', () => {
  const run = async (title: string): Promise<{ ran: { code: number | null; run: RunView } }> => ({
    ran: await factory.follow('sum', `# ${title}\n`),
  });

  it('with a wrong key is said at the start and by doctor, and no ticket is filed for it: the variable is named, and not the key', async () => {
    const why = /no model can be asked for (?:\w+, ){4}\w+: .*invalid x-api-key.*ANTHROPIC_API_KEY/s;
    expect(factory.said()).toMatch(why);
    const before = model.requests().length;
    const filed = await factory.cli(['ticket', 'file', '-', '--repo', 'sum'], { stdin: '# Multiply\n' });
    expect(said(filed)).toMatch(why);
    expect(filed.code).toBe(1);
    expect(await tickets()).toEqual([]);
    const doctor = await factory.cli(['doctor']);
    expect(said(doctor)).toMatch(/no model can be asked for/);
    expect(doctor.code).toBe(1);
    expect(model.requests()).toHaveLength(before);
    for (const text of [factory.said(), said(filed), said(doctor)]) expect(text).not.toContain(WRONG_KEY);
  });

  it('that cannot be reached fails the run in the end, naming its address', async () => {
    await model.close();
    // What a runner found is its own: the next one looks for itself, and what may pass holds nobody up.
    await factory.kill('runner');
    const asked = async () => (await factory.cli(['doctor'])).stdout;
    for (let waited = 0; !/cannot reach the model/.test(await asked()); waited += 1)
      expect(waited).toBeLessThan(60);
    const { ran } = await run('Multiply again');
    expect(ran.run).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(
        /cannot reach the model at http:\/\/127\.0\.0\.1:\d+.*ANTHROPIC_BASE_URL/s,
      ),
    });
    expect(ran.code).toBe(1);
    expect(await sum.head()).toBe(base);
  });
});

describe('a command line', () => {
  const UNKNOWN = 'run_0000000000000000';
  it.each<[string, string[], number, RegExp, CliOptions?]>([
    ['with a wrong flag', ['run', 'list', '--bogus'], 2, /unknown option '--bogus'.*--help/s],
    ['with a wrong noun', ['rum', 'list'], 2, /unknown command 'rum'.*run/s],
    ['with a wrong verb', ['run', 'lst'], 2, /unknown command 'lst'.*list/s],
    ['without what it needs', ['run', 'show'], 2, /missing required argument 'id'/],
    ['without a reason', ['halt'], 2, /--reason/],
    ['with a port that is none', ['up', '--port', 'x'], 2, /--port/],
    ['with a duration that is none', ['run', 'watch', UNKNOWN, '--timeout', '5x'], 2, /--timeout/],
    ['about a run that is not there', ['run', 'show', UNKNOWN], 1, /no run run_0000/],
    ['about a run that cannot be', ['run', 'show', 'nonsense'], 2, /run_/],
    [
      'about a gate that is not there',
      ['gate', 'approve', 'gate_0000000000000000', '--reason', 'x'],
      4,
      /approver/,
    ],
    ['of a stranger', ['run', 'list'], 4, /token/, { token: 'not-a-token' }],
    [
      'for a factory that is not there',
      ['run', 'list', '--url', 'http://127.0.0.1:1'],
      3,
      /cannot reach the factory/,
    ],
  ])('%s exits as the contract says', async (_, args, code, message, options = {}) => {
    const ran = await factory.cli(args, options);
    expect(said(ran)).toMatch(message);
    expect(ran.code).toBe(code);
  });

  it('for recordings that are not there starts nothing', async () => {
    const data = join(dirname(sum.path), 'second');
    const ran = await factory.cli([
      'up',
      '--port',
      '0',
      '--recorded',
      '/nonexistent/scripts',
      '--data',
      data,
    ]);
    expect(said(ran)).toMatch(/no folder \/nonexistent\/scripts/);
    expect(ran.code).toBe(1);
    expect(readdirSync(data)).not.toContain('up.json');
  });
});
