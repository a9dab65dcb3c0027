import { type Digest, type RepoName, type SpecOf, TaskId } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultSettings } from '../settings.ts';
import { applyBudgets } from '../streams/budgets.ts';
import { ADMIN_TOKEN, git, type ScriptedFactory, scriptedFactory } from '../testing/scripted-factory.ts';
import { report, type Script } from '../testing/scripted-runner.ts';

const LINES = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n';
const FILES = {
  'a.txt': LINES,
  'package.json': '{"name":"shop"}\n',
  'migrations/1.sql': 'select 1;\n',
  'src/x.js': 'export const x = 1;\n',
  'millwright.yaml': 'protected: ["migrations/**"]\n',
};

let db: TestDatabase;
let factory: ScriptedFactory;

async function start(
  script: Script,
  step = 6,
  settings = {},
  files: Record<string, string> = FILES,
): Promise<void> {
  factory = await scriptedFactory(db, files, script, settings);
  expect((await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' })).body).toMatchObject({
    name: 'shop',
    step: 0,
    deliver: 'merge',
  });
  await factory.api('POST', '/repos/shop/autonomy', { step, reason: 'first step' });
}
const file = async (markdown = '# Do it\n\nplease', headers = {}) =>
  (await factory.api('POST', '/tickets', { repo: 'shop', markdown }, ADMIN_TOKEN, headers)).body as {
    id: string;
  };
const ended = (ticket: string, nth = 1) =>
  factory.until(`the end of run ${nth} of ${ticket}`, async () => {
    const run = (await factory.api('GET', `/tickets/${ticket}`)).body.runs[nth - 1];
    const view = run && (await factory.api('GET', `/runs/${run}`)).body;
    return view?.endedAt ? view : null;
  });
/** What was done in order, without the checks, which are written beside it. */
const worked = () => factory.runner.attempts.filter((role) => role !== 'checks');
const show = (path: string) => git(factory.root, '--git-dir', factory.remote, 'show', `main:${path}`);

beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
});
afterEach(async () => {
  await factory?.stop();
  await db.close();
});

describe('a run, driven through real Postgres, git and queue', () => {
  it('goes from ticket to merge, and its trail lists the last version of every stream', async () => {
    const limits: object[] = [];
    const yaml = `${FILES['millwright.yaml']}stage: { turns: 900, time: 3h, usd: 5 }\n`;
    await start(
      {
        implement: (spec) => {
          limits.push(spec.limits);
          return { 'src/x.js': 'export const x = 2;\n' };
        },
        review: (spec) => {
          limits.push(spec.limits);
          return 'approve';
        },
      },
      6,
      {},
      { ...FILES, 'millwright.yaml': yaml },
    );
    const { id } = await file();
    const run = await ended(id);
    // What a stage may take is the repository's own file's, whose changes two people let in; else the factory's.
    const own = { wallMs: 3 * 3_600_000, conversations: 20 };
    expect(limits).toEqual([
      { ...own, turns: 900, usd: 5 },
      { ...own, turns: 450, usd: 2.5 },
    ]);
    expect(run).toMatchObject({
      state: 'done',
      change: { base: expect.any(String) },
      delivered: { kind: 'merge', ref: 'main' },
      usage: { inputTokens: 50, usd: 0.05 },
    });
    const stages = run.stages as { kind: string; state: string; title: string | null }[];
    expect(stages.map(({ kind, state, title }) => `${kind} ${state} ${title ?? ''}`.trim())).toEqual([
      'plan done',
      'implement done a',
      'test done acceptance checks',
      'test done',
      'review done',
    ]);
    expect(show('src/x.js')).toBe('export const x = 2;');
    expect(git(factory.root, '--git-dir', factory.remote, 'log', '-1', '--format=%B', 'main')).toMatch(
      /^Do it\n\nMade in attempt 1\.\n\nMillwright-Ticket: tkt_\w+\nMillwright-Run: run_/,
    );
    const trail = (await factory.api('GET', `/trail?run=${run.id}`)).body as {
      stream: string;
      version: number;
      type: string;
      data: { streams: Record<string, number> };
    }[];
    const closed = trail.find((line) => line.type === 'run.closed');
    for (const [stream, version] of Object.entries(closed?.data.streams ?? {}))
      expect(
        Math.max(...trail.filter((line) => line.stream === stream).map((line) => line.version)),
        stream,
      ).toBe(version);
    expect(Object.keys(closed?.data.streams ?? {})).toHaveLength(6);
    await factory.until(
      'the ticket to be done',
      async () => (await factory.api('GET', `/tickets/${id}`)).body.state === 'done',
    );
  });

  it('asks no tester for a kind of ticket that the repository lets go without, and says so', {
    tags: ['long'],
  }, async () => {
    const script: Script = { implement: ({ ticket }) => ({ [`${ticket.kind}.txt`]: 'new\n' }) };
    await start(script, 6, {}, { ...FILES, 'millwright.yaml': 'skipChecks: [docs]\n' });
    const skips = await ended((await file('---\nkind: docs\n---\n# Explain it\n')).id);
    expect(skips).toMatchObject({ state: 'done', skipped: expect.stringContaining('kind docs') });
    expect(factory.runner.attempts).toEqual(['plan', 'implement', 'test', 'review']);
    const said = (await factory.api('GET', `/trail?run=${skips.id}`)).body as {
      type: string;
      text: string;
    }[];
    expect(said.find(({ type }) => type === 'checks.skipped')?.text).toMatch(/asked no tester/);
    const other = await ended((await file('---\nkind: bug\n---\n# Mend it\n')).id);
    expect(other).toMatchObject({ state: 'done', skipped: null });
    expect(factory.runner.attempts).toContain('checks');
  });

  it('asks no reviewer for a trivial change of a kind that the repository lets go without, and judges that at its gate', {
    tags: ['long'],
  }, async () => {
    const script: Script = { implement: ({ ticket }) => ({ [ticket.title.split(' ')[1] ?? '']: 'new\n' }) };
    await start(script, 6, {}, { ...FILES, 'millwright.yaml': 'skipReview: [docs]\n' });
    const skips = await ended((await file('---\nkind: docs\n---\n# Explain docs/guide.md\n')).id);
    expect(skips).toMatchObject({ state: 'done', skipped: expect.stringContaining('review') });
    expect(factory.runner.attempts).not.toContain('review');
    const said = (await factory.api('GET', `/trail?run=${skips.id}`)).body as {
      type: string;
      text: string;
    }[];
    expect(said.find(({ type }) => type === 'review.skipped')?.text).toMatch(/asked no reviewer.*kind docs/);
    // What a ticket calls itself is not enough, and neither is what a change is.
    const code = await ended((await file('---\nkind: docs\n---\n# Explain code.js\n')).id);
    expect(code).toMatchObject({ state: 'done', skipped: null });
    const other = await ended((await file('---\nkind: bug\n---\n# Mend docs/other.md\n')).id);
    expect(other).toMatchObject({ state: 'done', skipped: null });
    expect(factory.runner.attempts.filter((one) => one === 'review')).toHaveLength(2);
  });

  it('works on independent tasks side by side and sends a conflict back to the later one, with both sides in its workspace; its review is of those places alone', async () => {
    const seen: string[] = [];
    const placed = new Set<string | undefined>();
    const met: SpecOf<'review'>[] = [];
    await start({
      review: (spec) => {
        if (spec.conflict !== undefined) met.push(spec);
        return 'approve';
      },
      plan: () =>
        ({
          kind: 'tasks',
          summary: 'two',
          tasks: [
            {
              id: 'a',
              title: 'a',
              instructions: 'i',
              dependsOn: [],
              acceptance: [],
              places: ['src/x.js: last'],
            },
            {
              id: 'b',
              title: 'b',
              instructions: 'i',
              dependsOn: [],
              acceptance: [],
              places: ['src/x.js: behind a'],
            },
          ],
        }) as never,
      implement: (spec) => {
        placed.add(spec.task.places?.join());
        const conflict = spec.feedback.find((one) => one.kind === 'conflict');
        if (conflict)
          seen.push(`${spec.task.id}: ${conflict.kind === 'conflict' ? conflict.paths.join() : ''}`);
        const own = `export const x = 1;\nexport const ${spec.task.id} = 2;\n`;
        return conflict
          ? { 'a.txt': LINES.replace('one', 'A and B') }
          : { 'a.txt': LINES.replace('one', spec.task.id.toUpperCase()), 'src/x.js': own };
      },
    });
    const run = await ended((await file()).id);
    expect(run.state).toBe('done');
    expect(seen).toEqual(['b: a.txt']);
    expect(placed).toEqual(new Set(['src/x.js: last', 'src/x.js: behind a']));
    expect(show('a.txt')).toMatch(/^A and B\ntwo/);
    // What both declare at one place of a source conflicts with nobody.
    expect(show('src/x.js')).toBe('export const x = 1;\nexport const a = 2;\nexport const b = 2;');
    const [review, ...others] = met;
    expect(others).toEqual([]);
    expect(review).toMatchObject({
      ...{ task: { id: 'b' }, conflict: { paths: ['a.txt'], alone: true } },
      earlier: [{ verdict: 'approve' }],
    });
    const places = new TextDecoder().decode(
      await factory.factory.store.artifacts.get(review?.interdiff as Digest),
    );
    expect(places).toMatch(/^-<{7} a\n-A\n-={7}\n-B\n->{7} b\n\+A and B$/m);
    // The whole of several tasks is reviewed once more.
    expect(
      run.stages.filter(
        (stage: { kind: string; task: string | null }) => stage.kind === 'review' && stage.task === null,
      ),
    ).toHaveLength(1);
  });

  it('makes ten tasks that all add a line to one changelog at no more stages than the same ten that do not, side by side where none waits for another', {
    tags: ['long'],
    timeout: 300_000,
  }, async () => {
    const CHANGES = '# Changes\n\n## Next\n\n- first\n';
    const tasks = Array.from({ length: 10 }, (_, i) => ({
      ...{ id: `t${i}`, title: `t${i}`, instructions: 'i', acceptance: [] },
      dependsOn: i < 8 ? [] : [`t${i - 8}`],
    }));
    await start(
      {
        plan: () => ({ kind: 'tasks', summary: 'ten', tasks }) as never,
        implement: async ({ task: { id }, ticket, start: tree }) => {
          const begun = () => factory.runner.attempts.filter((role) => role === 'implement').length;
          if (id === 't0') await factory.until('others at work beside it', () => begun() % 10 >= 4);
          const repo = await factory.factory.repositories.open('shop' as RepoName);
          const found = await repo.file(tree, 'CHANGES.md', 10_000);
          const changes = found.kind === 'file' ? found.text : '';
          const listed = { 'CHANGES.md': changes.replace('## Next\n\n', `$&- ${id}\n`) };
          return { [`src/${id}.js`]: `exports.${id} = 1;\n`, ...(ticket.title === 'Listed' ? listed : {}) };
        },
      },
      6,
      { limits: { ...defaultSettings.limits, tasks: 10 } },
      { ...FILES, 'CHANGES.md': CHANGES },
    );
    const done = async (title: string) => {
      const run = await ended((await file(`# ${title}`)).id);
      expect(run, run.reason).toMatchObject({ state: 'done' });
      return run;
    };
    const plain = await done('Plain');
    const listed = await done('Listed');
    expect(listed.stages.length).toBeLessThanOrEqual(plain.stages.length * 1.2);
    const lines = show('CHANGES.md')
      .split('\n')
      .filter((line) => line.startsWith('- '));
    expect(lines.toSorted()).toEqual([...tasks.map(({ id }) => `- ${id}`), '- first'].toSorted());
    const entries = (await factory.factory.trail.readAll(0, 5_000)).flatMap(({ entry, envelope }) =>
      entry !== null && envelope.stream === `run/${listed.id}` ? [entry] : [],
    );
    const at = (type: 'task.integrated' | 'stage.opened', task: string) =>
      entries.findIndex((one) => one.type === type && one.data.task === task);
    expect(at('stage.opened', 't8')).toBeGreaterThan(at('task.integrated', 't0'));
    const united = entries.flatMap((one) => (one.type === 'task.integrated' ? one.data.united : []));
    expect(united.length).toBeGreaterThan(6);
  });

  it('sends back what the review or the tests refuse, a bounded number of times', async () => {
    let tests = 0;
    let reviews = 0;
    await start({
      implement: (spec) => ({
        'src/x.js': `export const x = ${spec.feedback.length + 2};\n`,
      }),
      review: (spec) => {
        expect(spec.tested.verdict).toBe('passed');
        return ++reviews === 1 ? 'request_changes' : 'approve';
      },
      test: () => (++tests === 1 ? 'failed' : 'passed'),
    });
    const run = await ended((await file()).id);
    expect(run.state).toBe('done');
    // What fails its tests is not reviewed: the review of the first attempt is not paid.
    expect(worked()).toEqual([
      'plan',
      'implement',
      'test',
      'implement',
      'test',
      'review',
      'implement',
      'test',
      'review',
    ]);
    expect(show('src/x.js')).toBe('export const x = 4;');
    await factory.stop();
    await db.close();
    db = await testDatabase();
    await migrateQueue(db.url.migrator);
    await start({
      // Each time for another reason: a person would be asked about the same.
      test: ({ tree }) => ({ ...report(tree, 'invalid'), reason: `Said ${tree} and no more.` }),
      implement: (spec) => ({ 'src/x.js': `export const x = ${spec.feedback.length + Math.random()};\n` }),
    });
    const hopeless = await ended((await file()).id);
    expect(hopeless).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/sent back 4 times: the tests still fail/),
    });
    expect(show('src/x.js')).toBe('export const x = 1;');
  });

  it('tells an implementer all that came before, and a reviewer what was said, found and changed since', async () => {
    const told: unknown[] = [];
    const shown: unknown[] = [];
    let tests = 0;
    await start({
      implement: (spec) => {
        const attempt = spec.feedback.length + 1;
        told.push([spec.feedback.map((one) => [one.kind, one.said?.summary]), spec.triesLeft]);
        return { 'src/x.js': `export const x = ${attempt + 1};\n` };
      },
      review: (spec) => {
        shown.push([spec.said.summary, spec.earlier.length, spec.interdiff === null]);
        return shown.length === 1 ? 'request_changes' : 'approve';
      },
      test: () => (++tests === 1 ? 'failed' : 'passed'),
    });
    const run = await ended((await file()).id);
    expect(run.state).toBe('done');
    expect(told).toEqual([
      [[], 3],
      [[['tests', 'Attempt 1.']], 2],
      [
        [
          ['tests', 'Attempt 1.'],
          ['review', 'Attempt 2.'],
        ],
        1,
      ],
    ]);
    expect(shown).toEqual([
      ['Attempt 1.\n\nAttempt 2.', 0, true],
      ['Attempt 1.\n\nAttempt 3.', 1, false],
    ]);
    // The message of what was made last lands, not the ticket's title and the plan.
    expect(git(factory.root, '--git-dir', factory.remote, 'log', '-1', '--format=%b', 'main')).toMatch(
      /^Made in attempt 3\.\n\nMillwright-Ticket/,
    );
  });

  it('takes another message for the same tree where a review wants it, and tests that tree no second time', async () => {
    let reviews = 0;
    await start({
      implement: () => ({ 'src/x.js': 'export const x = 2;\n' }),
      review: () => (++reviews === 1 ? 'request_changes' : 'approve'),
    });
    const run = await ended((await file()).id);
    expect(run, run.reason).toMatchObject({ state: 'done' });
    expect(worked()).toEqual(['plan', 'implement', 'test', 'review', 'implement', 'review']);
    expect(show('src/x.js')).toBe('export const x = 2;');
    expect(git(factory.root, '--git-dir', factory.remote, 'log', '-1', '--format=%b', 'main')).toMatch(
      /^Made in attempt 2\.\n\nMillwright-Ticket/,
    );
  });

  it('asks a person where an implementer is blocked, and goes on with the answer; it counts as nothing sent back', async () => {
    const told: unknown[] = [];
    await start({
      implement: (spec) => {
        told.push(spec.feedback);
        return spec.feedback.length === 0
          ? { blocked: 'The port is taken on the base too.' }
          : { 'src/x.js': 'export const x = 2;\n' };
      },
    });
    const { id } = await file();
    const asked = await factory.until('the question', async () => {
      const ticket = (await factory.api('GET', `/tickets/${id}`)).body;
      return ticket.question === null ? null : ticket;
    });
    expect(asked).toMatchObject({
      state: 'waiting',
      question: expect.stringMatching(/task a made no change: The port is taken on the base too\./),
    });
    const waiting = (await factory.api('GET', `/runs/${asked.runs[0]}`)).body;
    expect(waiting.acts).toEqual([{ act: 'answer-ticket', id, again: false }]);
    expect((await factory.api('POST', `/tickets/${id}/answers`, { text: 'Use another port.' })).status).toBe(
      200,
    );
    const run = await ended(id);
    expect(run.state).toBe('done');
    expect(worked()).toEqual(['plan', 'implement', 'implement', 'test', 'review']);
    expect(told[1]).toMatchObject([{ kind: 'answer', answer: 'Use another port.' }]);
  });

  it('splits a task that was too large by a plan of what is open, and goes on from what is kept; who waited for it waits for all of it', {
    tags: ['long'],
  }, async () => {
    const told: Record<string, unknown[]> = {};
    const planned: SpecOf<'plan'>[] = [];
    const task = (id: string, ...dependsOn: string[]) => ({
      ...{ id: TaskId.parse(id), title: `Task ${id}`, instructions: `do ${id}`, acceptance: [] },
      dependsOn: dependsOn.map((one) => TaskId.parse(one)),
    });
    await start({
      plan: (spec) => {
        planned.push(spec);
        return spec.split === undefined
          ? { kind: 'tasks', summary: 'Two.', tasks: [task('big'), task('last', 'big')] }
          : { kind: 'tasks', summary: 'What is open.', tasks: [task('rest'), task('end')] };
      },
      implement: (spec) => {
        told[spec.task.id] = spec.feedback;
        if (spec.task.id === 'big')
          return { unfinished: 'The other half; a loop was too slow.', files: { 'src/half.js': '1;\n' } };
        return { [`src/${spec.task.id}.js`]: '2;\n' };
      },
    });
    const { id } = await file();
    const run = await ended(id);
    expect(run.state).toBe('done');
    expect(planned[1]).toMatchObject({
      // Two tasks stand, one of which is split: as many as there is room for.
      maxTasks: (planned[0]?.maxTasks ?? 0) - 1,
      split: {
        task: { id: 'big' },
        done: 'Wrote src/half.js.',
        open: 'The other half; a loop was too slow.',
        paths: [{ path: 'src/half.js', status: 'added' }],
      },
    });
    expect(told.rest).toMatchObject([{ kind: 'unfinished', open: 'The other half; a loop was too slow.' }]);
    expect([told.end, told.last]).toEqual([[], []]);
    const trail = (await factory.api('GET', `/trail?run=${run.id}&limit=500`)).body;
    const course = (trail as { type: string; text: string }[]).filter(({ type }) =>
      ['task.unfinished', 'plan.revised'].includes(type),
    );
    expect(course.map(({ type }) => type)).toEqual(['task.unfinished', 'plan.revised']);
    expect(course[1]?.text).toContain('split big, which was too large for one attempt, into rest, end');
    const landed = git(factory.remote, 'ls-tree', '-r', '--name-only', 'main');
    expect(landed.split('\n')).toEqual(
      expect.arrayContaining(['src/half.js', 'src/rest.js', 'src/end.js', 'src/last.js']),
    );
    const { plan } = (await factory.api('GET', `/runs/${run.id}/plan`)).body;
    expect(plan.tasks.map((one: { id: string }) => one.id)).toEqual(['rest', 'end', 'last']);
    expect(plan.tasks[2].dependsOn).toEqual(['rest', 'end']);
  });

  it('tests the whole with its checks, also where its tree is that of the last of two tasks in order', async () => {
    const tested: boolean[] = [];
    const task = (id: string, ...dependsOn: string[]) => ({
      ...{ id: TaskId.parse(id), title: id, instructions: `do ${id}`, acceptance: [] },
      dependsOn: dependsOn.map((one) => TaskId.parse(one)),
    });
    await start({
      plan: () => ({ kind: 'tasks', summary: 'Two.', tasks: [task('a'), task('b', 'a')] }),
      implement: (spec) => ({ [`src/${spec.task.id}.js`]: '2;\n' }),
      test: (spec) => {
        tested.push(spec.checks !== null);
        return 'passed';
      },
    });
    expect(await ended((await file()).id)).toMatchObject({ state: 'done' });
    expect(tested).toEqual([false, false, true]);
  });

  it('gives a check that a review finds wrong to its tester, not to the implementer, and tests and reviews anew', async () => {
    const told: SpecOf<'test'>['disputed'][] = [];
    let reviews = 0;
    const script: Script = {
      implement: () => ({ 'src/x.js': 'export const x = 2;\n' }),
      review: () => (reviews++ === 0 ? 'request_changes' : 'approve'),
      findings: [
        {
          path: '.millwright-checks/a.sh',
          line: 2,
          severity: 'major',
          message: 'It wants a port to be free.',
        },
      ],
      checks: (spec) => {
        told.push(spec.disputed);
        return [{ acceptance: `as of ${told.length}`, command: 'true' }];
      },
    };
    await start(script);
    const run = await ended((await file()).id);
    expect(run).toMatchObject({ state: 'done' });
    expect(worked()).toEqual(['plan', 'implement', 'test', 'review', 'test', 'review']);
    expect(told).toMatchObject([
      undefined,
      [
        {
          by: 'review',
          checks: { checks: [{ acceptance: 'as of 1' }] },
          why: expect.stringContaining('.millwright-checks/a.sh:2: It wants a port to be free.'),
        },
      ],
    ]);
    const checks = (run.stages as { kind: string; title: string | null }[]).filter(
      ({ title }) => title === 'acceptance checks',
    );
    expect(checks).toHaveLength(2);
  });

  it('hears an implementer that calls a failed check wrong: its tester looks again, and only then a person is asked', {
    tags: ['long'],
  }, async () => {
    let tests = 0;
    let asked = 0;
    await start({
      implement: (spec) =>
        spec.feedback.length === 0
          ? { 'src/x.js': 'export const x = 2;\n' }
          : { blocked: 'The check calls it by another name.' },
      checks: ({ disputed }) => {
        asked += 1;
        if (asked === 2)
          expect(disputed).toMatchObject([{ by: 'implement', why: expect.stringContaining('another name') }]);
        return [{ acceptance: 'it is called y', command: 'true' }];
      },
      test: ({ tree }) => {
        tests += 1;
        const ran = { command: 'true', timedOut: false, output: `not called y ${tests}`, ms: 1 };
        const failing = { result: { ...ran, exitCode: 1 }, before: { ...ran, exitCode: 1 } };
        return {
          ...report(tree, 'failed'),
          acceptance: [{ acceptance: 'it is called y', kind: 'change', ...failing }],
        };
      },
    });
    const { id } = await file();
    const waiting = await factory.until('the question', async () => {
      const ticket = (await factory.api('GET', `/tickets/${id}`)).body;
      return ticket.question === null ? null : ticket;
    });
    expect(waiting.question).toContain('The check calls it by another name.');
    expect([asked, worked()]).toEqual([2, ['plan', 'implement', 'test', 'implement', 'test', 'implement']]);
    await factory.api('POST', `/runs/${waiting.runs[0]}/cancel`, { reason: 'seen' });
    expect(await ended(id)).toMatchObject({ state: 'cancelled' });
  });

  it('does not split for ever: a task that is too large whatever it is split into ends the run, which says so', {
    tags: ['long'],
  }, async () => {
    let n = 0;
    await start({
      plan: () => ({
        kind: 'tasks',
        summary: 'Again.',
        tasks: [
          {
            ...{ id: TaskId.parse(`t${++n}`), title: 'All', instructions: 'do', dependsOn: [] },
            acceptance: [],
          },
        ],
      }),
      implement: () => ({ unfinished: 'All of it.', files: {} }),
    });
    const { id } = await file();
    expect(await ended(id)).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/too large for one attempt, and \d+ tasks were split already/),
    });
  });

  it('asks a person where the same tests fail for the same again, instead of paying a third time, and tells the next attempt', async () => {
    const told: string[][] = [];
    await start({
      implement: (spec) => {
        told.push(spec.feedback.map((one) => one.kind));
        return { 'src/x.js': `export const x = ${told.length + 1};\n` };
      },
      // As two runs of the same failure differ: where it stood, and how long it took.
      test: ({ tree }) =>
        told.length > 2
          ? 'passed'
          : {
              ...report(tree, 'failed'),
              failures: [
                {
                  cause: `ECONNREFUSED :47${told.length} after ${told.length} ms`,
                  tests: ['is served'],
                  count: 1,
                },
              ],
            },
    });
    const { id } = await file();
    const asked = await factory.until('the question', async () => {
      const ticket = (await factory.api('GET', `/tickets/${id}`)).body;
      return ticket.question === null ? null : ticket;
    });
    expect(asked.question).toMatch(/failed again just as before.*is served:\nECONNREFUSED/s);
    expect(worked()).toEqual(['plan', 'implement', 'test', 'implement', 'test']);
    const why = (await factory.api('GET', `/runs/${asked.runs[0]}/why`)).body;
    expect(why.next.acts).toMatchObject([{ act: 'answer-ticket', id }]);
    await factory.api('POST', `/tickets/${id}/answers`, { text: 'The port is 8080.' });
    expect(await ended(id)).toMatchObject({ state: 'done' });
    expect(told).toEqual([[], ['tests'], ['tests', 'tests', 'answer']]);
  });

  it('ends where an implementer keeps saying that it is blocked, or nobody answers', {
    tags: ['long'],
  }, async () => {
    await start({ implement: () => ({ blocked: 'No.' }) }, 6, { questionMs: 300 });
    const { id } = await file();
    expect(await ended(id)).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/not answered in time/),
    });
  });

  it('waits for two people on a protected path, takes neither the requester nor a stranger, and denies when one says no', async () => {
    let n = 1;
    await start({ implement: () => ({ 'migrations/1.sql': `select ${++n};\n` }) });
    const [ann, bob, eve] = [
      await factory.enrol('ann', 'approver'),
      await factory.enrol('bob', 'approver', 'author'),
      await factory.enrol('eve', 'author'),
    ];
    const { id } = await file();
    const gate = await factory.until(
      'a waiting gate',
      async () => (await factory.api('GET', '/gates')).body[0],
    );
    expect(gate).toMatchObject({
      action: 'merge',
      state: 'waiting',
      approvalsNeeded: 2,
      policies: expect.arrayContaining(['two-people-protected']),
    });
    const approve = (token: string) =>
      factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'looked at it' }, token);
    expect(await approve(ADMIN_TOKEN)).toMatchObject({ status: 403 });
    expect(await approve(eve.token)).toMatchObject({ status: 403 });
    expect(await approve(ann.token)).toMatchObject({ status: 200 });
    await factory.until(
      'the judgement',
      async () => (await factory.api('GET', `/gates/${gate.id}`)).body.state === 'waiting',
    );
    expect((await approve(ann.token)).status).toBe(409);
    await factory.until('bob', async () => (await approve(bob.token)).status === 200);
    expect(await ended(id)).toMatchObject({ state: 'done' });
    const second = await factory.api('POST', '/tickets', { repo: 'shop', markdown: '# Again' }, bob.token);
    const next = await factory.until(
      'another gate',
      async () => (await factory.api('GET', '/gates')).body[0],
    );
    // Bob filed this one: now he is the requester.
    expect(
      await factory.api('POST', `/gates/${next.id}/approve`, { reason: 'mine' }, bob.token),
    ).toMatchObject({ status: 403 });
    expect(
      (await factory.api('POST', `/gates/${next.id}/deny`, { reason: 'not now' }, ann.token)).status,
    ).toBe(200);
    expect(await ended(second.body.id)).toMatchObject({
      state: 'denied',
      reason: expect.stringMatching(/not now/),
    });
  });

  it('voids a gate whose facts changed after it was judged, and asks it anew', async () => {
    let n = 1;
    await start({ implement: () => ({ 'migrations/1.sql': `select ${++n};\n` }) });
    const [ann, bob] = [await factory.enrol('ann', 'approver'), await factory.enrol('bob', 'approver')];
    const { id } = await file();
    const gate = await factory.until(
      'a waiting gate',
      async () => (await factory.api('GET', '/gates')).body[0],
    );
    expect(
      (await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'yes' }, ann.token)).status,
    ).toBe(200);
    await factory.until('the judgement', async () =>
      (await factory.api('GET', `/gates/${gate.id}`)).body.reason.includes('1 so far'),
    );
    // The lease is taken, so that the merge waits between its gate's yes and its use; meanwhile the ground shifts.
    let free = (): void => undefined;
    void factory.factory.merges.run(
      'shop' as RepoName,
      () => new Promise<void>((resolve) => (free = resolve)),
    );
    expect(
      (await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'yes' }, bob.token)).status,
    ).toBe(200);
    await factory.until(
      'the yes',
      async () => (await factory.api('GET', `/gates/${gate.id}`)).body.state === 'allowed',
    );
    await factory.api('POST', '/repos/shop/autonomy', { step: 5, reason: 'careful' });
    free();
    const next = await factory.until('the gate anew', async () =>
      (await factory.api('GET', '/gates')).body.find((one: { id: string }) => one.id !== gate.id),
    );
    expect((await factory.api('GET', `/gates/${gate.id}`)).body.state).toBe('voided');
    const trail = (await factory.api('GET', `/trail?run=${next.run}`)).body as {
      type: string;
      text: string;
    }[];
    expect(trail.find((line) => line.type === 'gate.voided')?.text).toMatch(/has changed: step/);
    for (const { token } of [ann, bob])
      await factory.until(
        'approval',
        async () =>
          (await factory.api('POST', `/gates/${next.id}/approve`, { reason: 'yes' }, token)).status === 200,
      );
    expect(await ended(id)).toMatchObject({ state: 'done' });
  });

  const asks: Script = {
    plan: (spec) =>
      spec.answers.length === 0
        ? { kind: 'question', summary: '', question: 'Which colour?' }
        : ({
            kind: 'tasks',
            summary: spec.answers[0]?.answer,
            tasks: [{ id: 'a', title: 'a', instructions: 'i', dependsOn: [], acceptance: [] }],
          } as never),
  };

  it('asks the author, and goes on with the answer', async () => {
    await start(asks);
    const { id } = await file();
    await factory.until(
      'the question',
      async () => (await factory.api('GET', `/tickets/${id}`)).body.question === 'Which colour?',
    );
    expect((await factory.api('POST', `/tickets/${id}/answers`, { text: 'blue' })).status).toBe(200);
    expect(await ended(id)).toMatchObject({ state: 'done' });
  });

  it('ends when nobody answers', { tags: ['long'] }, async () => {
    await start(asks, 6, { questionMs: 300 });
    const { id } = await file();
    expect(await ended(id)).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/not answered in time/),
    });
  });

  it('rebases when the base moves, keeping the review and testing again', async () => {
    let moved = false;
    await start({
      implement: () => ({ 'a.txt': LINES.replace('seven', 'SEVEN') }),
      test: () => {
        if (!moved) {
          moved = true;
          const work = `${factory.root}/work`;
          git(work, 'commit', '-q', '--allow-empty', '-m', 'meanwhile');
          git(work, 'rm', '-q', 'src/x.js');
          git(work, 'commit', '-qm', 'meanwhile too');
          git(work, 'push', '-q', factory.remote, 'main');
        }
        return 'passed';
      },
    });
    expect(await ended((await file()).id)).toMatchObject({ state: 'done' });
    expect(worked()).toEqual(['plan', 'implement', 'test', 'review', 'test']);
    expect(show('a.txt')).toContain('SEVEN');
    expect(git(factory.root, '--git-dir', factory.remote, 'log', '--format=%s', 'main')).toBe(
      'Do it\nmeanwhile too\nmeanwhile\nfirst',
    );
  });

  it('stops at a low step, cancels, refuses without a token, files once for one key, and says what is wrong', async () => {
    await start({}, 4);
    const { id } = await file('# Once', { 'idempotency-key': 'k' });
    expect((await file('# Once', { 'idempotency-key': 'k' })).id).toBe(id);
    const gate = await factory.until(
      'the start gate',
      async () => (await factory.api('GET', '/gates')).body[0],
    );
    expect(gate).toMatchObject({ action: 'start', approvalsNeeded: 1 });
    expect((await factory.api('POST', `/runs/${gate.run}/cancel`, { reason: 'never mind' })).status).toBe(
      200,
    );
    expect(await ended(id)).toMatchObject({ state: 'cancelled', reason: 'never mind' });
    expect(factory.runner.attempts).toEqual([]);
    expect((await factory.api('GET', '/runs', undefined, null)).status).toBe(401);
    expect((await factory.api('GET', '/runs', undefined, 'not-the-token-of-anyone')).status).toBe(401);
    expect(
      (await factory.api('POST', '/tickets', { repo: 'shop', markdown: 'no title' })).body,
    ).toMatchObject({ code: 'no-title', exitCode: 2 });
    expect(await factory.api('POST', '/tickets', { repo: 'moon', markdown: '# x' })).toMatchObject({
      status: 404,
      body: { hint: 'there are: shop' },
    });
    for (const list of ['/runs', '/tickets', '/releases', '/quarantine', '/rollbacks', '/trail'])
      expect((await factory.api('GET', `${list}?repo=moon`)).status).toBe(404);
    expect((await factory.api('GET', '/runs?repo=shop')).body).not.toEqual([]);
    expect((await factory.api('POST', '/repos', { url: 'ext::sh -c id' })).body).toMatchObject({
      code: 'repo-refused',
    });
    expect((await factory.api('GET', '/openapi.json', undefined, null)).body.paths).toHaveProperty(
      '/v1/tickets',
    );
  });

  it('caps budgets by an entry, which the ledger follows even where it was lost in between', async () => {
    await start({});
    const set = (scope: string, usd: number | null) =>
      factory.api('POST', '/budgets', { scope, usd, reason: 'a test' });
    expect(await set('repo/moon', 1)).toMatchObject({ status: 404 });
    expect(await set('moon', 1)).toMatchObject({ status: 400 });
    expect(await set('repo/shop', 2.5)).toMatchObject({ status: 200 });
    await factory.factory.store.budget.setCap('repo/shop', null); // as if the orchestrator had died before it
    await applyBudgets(factory.factory);
    expect((await factory.api('GET', '/budgets')).body).toContainEqual({
      scope: 'repo/shop',
      capUsd: 2.5,
      spentUsd: 0,
      overrunUsd: 0,
      reservedUsd: 0,
    });
    expect(await set('repo/shop', null)).toMatchObject({
      status: 200,
      body: [{ scope: 'repo/shop', capUsd: null }],
    });
  });
});
