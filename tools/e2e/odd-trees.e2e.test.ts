import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunView, TrailLine } from '@millwright/api';
import type { EntryOf } from '@millwright/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ON_NODE, SOURCE } from './cheats.ts';
import { approves, checks, type Edit, edit, implements_, plans, type Script, says } from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';
import { containersOf } from './leftovers.ts';
import type { Files } from './remote.ts';

// What a tree may bring that is none of a change's business, through the whole factory: programs that its installation is told to run,
// pipes where files are read, and tests that never end.

let factory: Factory;
let place: string;

const TIMES: Edit = { path: 'src/sum.js', text: `${SOURCE}exports.times = (a, b) => a * b;\n` };

type Tree = { name: string; files?: Record<string, string>; links?: Record<string, string> };

/** Whatever runs of the tree while it is installed leaves a file there, which every later sandbox of that tree would have. */
const EVIL = '#!/bin/sh\necho ran >> /workspace/node_modules/.pwned\nexit 1\n';
const MANIFEST = JSON.stringify({
  ...{ name: 'sum', version: '1.0.0', private: true, dependencies: { cookie: '1.0.2' } },
  optionalDependencies: { sub: 'git+file:///workspace/sub.git' },
  scripts: { test: 'node --test', install: './evil.sh', prepare: './evil.sh' },
});
const TREES: readonly Tree[] = [
  {
    name: 'shell',
    files: {
      '.npmrc': 'script-shell=./evil.sh\nnode-options=--require ./evil.cjs\nignore-scripts=false\n',
      'evil.cjs': "require('fs').appendFileSync('/workspace/node_modules/.pwned', 'ran');\n",
    },
  },
  { name: 'git', files: { '.npmrc': 'git=./evil.sh\n' } },
  { name: 'link', files: { settings: 'git=./evil.sh\n' }, links: { '.npmrc': 'settings' } },
];
const installs = ({ name }: Tree) => `Multiply in a tree that brings its own ${name}`;

/** A tree on disk, whose scripts may be run and whose links are links. */
function onDisk({ name, files = {}, links = {} }: Tree): string {
  const folder = mkdtempSync(join(place, `${name}-`));
  for (const [path, text] of Object.entries({ ...files, 'evil.sh': EVIL }))
    writeFileSync(join(folder, path), text);
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(folder, path));
  chmodSync(join(folder, 'evil.sh'), 0o755);
  return folder;
}

const PIPES: readonly [name: string, makes: string, refused: string][] = [
  ['in place of .gitignore', 'mkfifo .gitignore', '.gitignore'],
  ['in place of a source', 'rm src/sum.js && mkfifo src/sum.js', 'src/sum.js'],
  [
    'in place of .gitignore in a folder',
    'mkdir -p lib/deep && mkfifo lib/deep/.gitignore',
    'lib/deep/.gitignore',
  ],
];
const piped = (name: string) => `Multiply beside a pipe ${name}`;
const LOOKED = 'Multiply after a look into a pipe';

const ENDLESS = 'Multiply with a test that never ends';
const NEVER: Edit = {
  path: 'test/times.test.js',
  text: "const test = require('node:test');\ntest('times', () => new Promise(() => setInterval(() => {}, 1000)));\n",
};

const pipes = ([name, makes]: (typeof PIPES)[number]): Script[] => [
  plans(piped(name)),
  implements_(piped(name), [TIMES], { when: { attempt: 1 }, bash: makes }),
  implements_(piped(name), [TIMES], { when: { attempt: 2 } }),
  approves(piped(name)),
];

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'millwright-trees-'));
  const look = { edit: { command: 'view', path: '/workspace/pipe.txt' } };
  factory = await startFactory({
    conversations: [
      ...TREES.flatMap((tree) => [
        plans(installs(tree)),
        implements_(installs(tree), [TIMES], {
          // Its dependency is there, and nothing else happened.
          run: [
            'ls node_modules; ls node_modules/.pwned 2>/dev/null || echo untouched',
            '^cookie$',
            '^untouched$',
          ],
        }),
        approves(installs(tree)),
      ]),
      ...PIPES.flatMap(pipes),
      plans(LOOKED),
      says('implement', LOOKED, [
        { tools: [{ bash: 'mkfifo pipe.txt' }, look, edit(TIMES)] },
        { tools: [{ submit: { summary: 'Done.', commitMessage: 'Multiply' } }] },
      ]),
      approves(LOOKED),
      plans(ENDLESS),
      implements_(ENDLESS, [TIMES, NEVER], { when: { attempt: 1 } }),
      implements_(ENDLESS, [], { when: { attempt: 2 }, bash: 'rm test/times.test.js' }),
      ...[approves(ENDLESS), checks(ENDLESS)],
    ],
    env: { MILLWRIGHT_TEST_MINUTES: '1' },
  });
});
afterAll(async () => {
  rmSync(place, { recursive: true, force: true });
  await factory?.close();
});
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

const closed = (trail: readonly TrailLine[]) =>
  trail
    .filter(({ type }) => type === 'attempt.closed')
    .map(({ data }) => (data as EntryOf<'attempt.closed'>['data']).outcome);

/** Files a ticket in a repository of its own, and gives its run once an implementation is in, or it has ended; then nothing more is made of it. */
async function implemented(
  name: string,
  title: string,
  from?: string,
  files: Files = ON_NODE,
): Promise<RunView> {
  await factory.add(await factory.remote(name, files, from === undefined ? {} : { from }));
  const ticket = await factory.file(name, `# ${title}\n`);
  const run = await factory.runOf(
    ticket,
    ({ stages, endedAt }) =>
      endedAt !== null || stages.some(({ kind, state }) => kind === 'implement' && state === 'done'),
  );
  expect(run.endedAt, run.reason ?? '').toBeNull();
  // Whatever comes of it meanwhile, on a machine that is quick.
  await factory.cli(['run', 'cancel', run.id, '--reason', 'seen']);
  return run;
}

const installed = async (tree: Tree) => {
  const files = { ...ON_NODE, 'package.json': MANIFEST };
  const run = await implemented(tree.name, installs(tree), onDisk(tree), files);
  // What it looked for was as expected at its first attempt.
  expect(run.stages.filter(({ kind }) => kind === 'implement')).toHaveLength(1);
};
const goesBack = async ([name, _, path]: (typeof PIPES)[number]) => {
  const run = await implemented(`piped-${PIPES.findIndex(([one]) => one === name)}`, piped(name));
  const failed = closed(await factory.trail(run.id)).filter(({ kind }) => kind === 'failed');
  expect(failed).toMatchObject([{ code: 'change-refused', reason: expect.stringContaining(path) }]);
};
const INSTALLED = 'an installation with scripts off runs nothing of a tree that brings its own $name';
const GOES_BACK = 'a pipe %s goes back to who made it, by its name, and the run goes on';
const LONG = { tags: ['long'] };

describe.concurrent('in the whole factory', () => {
  it.for(TREES.slice(0, 1))(INSTALLED, installed);
  it.for(TREES.slice(1))(INSTALLED, LONG, installed);
  it.for(PIPES.slice(0, 1))(GOES_BACK, goesBack);
  it.for(PIPES.slice(1))(GOES_BACK, LONG, goesBack);

  it('a pipe that its editor is asked to show is no file, and holds nobody up', LONG, async () => {
    await implemented('looked', LOOKED);
  });

  it('a test that never ends is stopped at its limit, leaves no container while the factory goes on, and is said', {
    timeout: 1_800_000,
  }, async ({ expect }) => {
    await factory.add(await factory.remote('endless', ON_NODE));
    const ticket = await factory.file('endless', `# ${ENDLESS}\n`);
    const again = await factory.runOf(
      ticket,
      ({ stages, endedAt }) =>
        endedAt !== null || stages.some(({ kind, attempt }) => kind === 'implement' && attempt === 2),
    );
    const tested = again.stages.filter(({ kind, endedAt }) => kind === 'test' && endedAt !== null);
    expect(tested.length).toBeGreaterThan(0);
    const said = await factory.cli(['run', 'tests', again.id], { env: { FORCE_COLOR: '0' } });
    expect(said.stdout).toContain('did not end within 60 s');
    // Sandboxes are removed behind whoever used them.
    const left = async () =>
      (await Promise.all(tested.map((one) => containersOf('millwright.attempt', one.attemptId)))).flat();
    await expect.poll(left, { timeout: 300_000, interval: 250 }).toEqual([]);
    const run = await factory.runOf(ticket, ({ endedAt }) => endedAt !== null);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
  });
});
