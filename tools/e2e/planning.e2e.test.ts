import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GateView, RepoView, RunView, TicketView } from '@millwright/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ON_NODE } from './cheats.ts';
import { asSuperuser } from './database.ts';
import { type Factory, ROOT, startFactory } from './factory.ts';
import { containersOf } from './leftovers.ts';
import { BOTH, LESS, MORE, PROTECTED, SCRIPTS, TIMES, TITLE } from './planning-scripts.ts';
import type { Files, Remote } from './remote.ts';

// Tickets that take more than the straight way: several tasks, questions, people, a wiped queue, remotes that refuse.

let factory: Factory;

beforeAll(async () => {
  // Its tickets run side by side, and none of them waits for a place.
  const env = { MILLWRIGHT_RUNNER_CONCURRENCY: '12' };
  factory = await startFactory({ conversations: SCRIPTS, env });
});
afterAll(() => factory?.close());
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

const LONG = { tags: ['long'] };
const PATIENT = { interval: 100 };

/** A repository of its own for the test, added, with the tree it has. */
async function given(name: string, files: Files = {}, options: Parameters<Factory['remote']>[2] = {}) {
  const remote = await factory.remote(name, { ...ON_NODE, ...files }, options);
  await factory.add(remote);
  return { name, remote, base: await remote.head() };
}

/** The branch holds exactly the base with these files. */
async function expectMerged(remote: Remote, base: string, ...files: { path: string; text: string }[]) {
  const expected = await remote.treeWith(base, Object.fromEntries(files.map((one) => [one.path, one.text])));
  expect(await remote.treeOf(await remote.head())).toBe(expected);
}

const enrol = async (name: string, roles: string) => {
  const { code } = await factory.json<{ code: string }>(['person', 'invite', name, '--roles', roles]);
  return factory.json<{ token: string; id: string }>(['person', 'accept', code]);
};
const waits = (run: RunView) => run.state === 'waiting';
const ended = (run: RunView) => run.endedAt !== null;
const waitingGate = (run: RunView) => run.gates.find((gate) => gate.state === 'waiting')?.id ?? 'none';

describe.concurrent('a plan', () => {
  it('of two independent tasks has both made at the same time, and merged as one change', async () => {
    const { name, remote, base } = await given('side-by-side');
    const { run } = await factory.follow(name, `# ${TITLE.sideBySide}\n`);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
    await expectMerged(remote, base, LESS, MORE);
    expect(await remote.git('rev-list', '--count', `${base}..main`)).toBe('1');
    const [one, other] = run.stages.filter((stage) => stage.kind === 'implement');
    expect(one?.startedAt).toBeLessThan(other?.endedAt ?? 0);
    expect(other?.startedAt).toBeLessThan(one?.endedAt ?? 0);
    // Each task's review, and one of the whole.
    expect(run.stages.filter((stage) => stage.kind === 'review').map((stage) => stage.task)).toEqual(
      expect.arrayContaining(['less', 'more', null]),
    );
  });

  it('whose tasks conflict goes back to the later one, which sees both sides', LONG, async () => {
    const { name, remote, base } = await given('conflict');
    const { run } = await factory.follow(name, `# ${TITLE.conflict}\n`);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
    await expectMerged(remote, base, BOTH);
    const trail = await factory.trail(run.id);
    expect(
      trail.filter((entry) => entry.type === 'task.conflicted').map((entry) => entry.data),
    ).toMatchObject([{ task: 'one', paths: ['src/sum.js'] }]);
  });

  it('may be a question, which waits for its answer', LONG, async () => {
    const { name, remote, base } = await given('question');
    const ticket = await factory.file(name, `# ${TITLE.question}\n`);
    await factory.runOf(ticket, waits);
    const asked = await factory.json<TicketView>(['ticket', 'show', ticket]);
    expect(asked).toMatchObject({ state: 'waiting', question: 'By adding, or by *?' });
    await factory.json(['ticket', 'answer', ticket, 'By *, please']);
    expect(await factory.runOf(ticket, ended)).toMatchObject({ state: 'done' });
    await expectMerged(remote, base, TIMES);
  });

  it('with a circle, an unknown dependency or too many tasks goes back to the planner', LONG, async () => {
    const { name, remote, base } = await given('bad-plans');
    const { run } = await factory.follow(name, `# ${TITLE.badPlans}\n`);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
    expect(run.stages.filter((stage) => stage.kind === 'plan')).toMatchObject([{ turns: 4 }]);
    await expectMerged(remote, base, TIMES);
  });
});

describe.concurrent('people', () => {
  const files = { 'millwright.yaml': 'protected: ["migrations/**"]\n' };

  it('two of them, not the requester, allow a change to a protected path', async () => {
    const { name, remote, base } = await given('approved', files);
    const [ada, bo, cy] = await Promise.all([
      enrol('Ada', 'author,approver'),
      enrol('Bo', 'approver'),
      enrol('Cy', 'approver'),
    ]);
    const ticket = await factory.file(name, `# ${TITLE.approved}\n`, { token: ada.token });
    const gate = waitingGate(await factory.runOf(ticket, waits));
    const approve = (token?: string) =>
      factory.cli(['gate', 'approve', gate, '--reason', 'Looks right'], token === undefined ? {} : { token });

    const own = await approve(ada.token);
    expect(own).toMatchObject({ code: 4, stderr: expect.stringContaining('requester') });
    const admin = await approve();
    expect(admin).toMatchObject({ code: 4, stderr: expect.stringContaining('approver') });
    expect((await approve(bo.token)).code).toBe(0);
    const again = await approve(bo.token);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('approved already') });
    const one = await factory.json<GateView>(['gate', 'show', gate]);
    expect(one).toMatchObject({ state: 'waiting', approvalsNeeded: 2, approvals: [{ name: 'Bo' }] });
    expect(await remote.head()).toBe(base);

    expect((await approve(cy.token)).code).toBe(0);
    expect(await factory.runOf(ticket, ended)).toMatchObject({ state: 'done' });
    await expectMerged(remote, base, PROTECTED);
  });

  it('one of them denies it, and nothing is merged', LONG, async () => {
    const { name, remote, base } = await given('denied', files);
    const { token } = await enrol('Di', 'approver');
    const ticket = await factory.file(name, `# ${TITLE.denied}\n`);
    const waiting = await factory.runOf(ticket, waits);
    const denied = await factory.cli(['gate', 'deny', waitingGate(waiting), '--reason', 'Not now'], {
      token,
    });
    expect(denied.code).toBe(0);
    const run = await factory.runOf(ticket, ended);
    expect(run, run.reason ?? '').toMatchObject({
      state: 'denied',
      reason: expect.stringContaining('Not now'),
    });
    expect((await factory.cli(['run', 'watch', run.id])).code).toBe(5);
    expect(await remote.head()).toBe(base);
  });

  it('one of them cancels a run in the middle of a stage, whose container ends with it', async ({
    expect,
  }) => {
    const { name, remote, base } = await given('cancelled');
    const ticket = await factory.file(name, `# ${TITLE.cancelled}\n`);
    const at = await factory.runOf(ticket, (run) =>
      run.stages.some((stage) => stage.kind === 'implement' && stage.state === 'running'),
    );
    const containers = () => containersOf('millwright.run', at.id);
    await expect.poll(containers, PATIENT).not.toEqual([]);
    // Its command is what takes so long, and nobody says that a model does.
    await factory.runOf(ticket, ({ stages }) =>
      stages.some(({ kind, doing }) => kind === 'implement' && /sleep 100/.test(doing ?? '')),
    );
    expect((await factory.cli(['run', 'show', at.id])).stdout).not.toContain('no answer from');
    expect((await factory.cli(['run', 'cancel', at.id, '--reason', 'Changed my mind'])).code).toBe(0);
    const run = await factory.runOf(ticket, ended);
    expect(run, run.reason ?? '').toMatchObject({ state: 'cancelled', reason: 'Changed my mind' });
    expect(run.stages.find(({ kind }) => kind === 'implement')).toMatchObject({
      kind: 'implement',
      state: 'cancelled',
    });
    await expect.poll(containers, PATIENT).toEqual([]);
    expect(await remote.head()).toBe(base);
  });
});

describe.concurrent('intake', () => {
  it('files a ticket once for a key, whoever many ask at once', LONG, async () => {
    const { name, remote, base } = await given('twice');
    const ids = await Promise.all(
      Array.from({ length: 3 }, () =>
        factory.json<TicketView>(['ticket', 'file', '-', '--repo', name, '--key', 'k-1'], {
          stdin: `# ${TITLE.twice}\n`,
        }),
      ),
    );
    expect(new Set(ids.map((ticket) => ticket.id)).size).toBe(1);
    const [ticket] = ids;
    expect(await factory.runOf(ticket?.id ?? '', ended)).toMatchObject({ state: 'done' });
    const all = await factory.json<RunView[]>(['run', 'list', '--repo', name]);
    expect(all).toHaveLength(1);
    await expectMerged(remote, base, TIMES);
  });
});

describe.concurrent('a remote', () => {
  it('with the branch checked out gets a branch beside it', LONG, async () => {
    const { name, remote, base } = await given('checked-out', {}, { bare: false });
    expect(await factory.json<RepoView[]>(['repo', 'list'])).toEqual(
      expect.arrayContaining([expect.objectContaining({ name, deliver: 'branch' })]),
    );
    const { run } = await factory.follow(name, `# ${TITLE.checkedOut}\n`);
    expect(run, run.reason ?? '').toMatchObject({
      state: 'done',
      delivered: { kind: 'branch', ref: `millwright/${run.id}` },
    });
    expect(await remote.treeOf(`millwright/${run.id}`)).toBe(
      await remote.treeWith(base, { [TIMES.path]: TIMES.text }),
    );
    expect(await remote.head()).toBe(base);
    expect(await remote.git('status', '--porcelain')).toBe('');
  });

  const refusing = (remote: Remote, script: string) => {
    const hook = join(remote.path, 'hooks/pre-receive');
    writeFileSync(hook, `#!/bin/sh\n${script}\n`);
    chmodSync(hook, 0o755);
  };

  it('that protects its branch gets a branch beside it, and the run says why', async () => {
    const { name, remote, base } = await given('protected-branch');
    refusing(
      remote,
      'while read old new ref; do if [ "$ref" = refs/heads/main ]; then echo main is protected >&2; exit 1; fi; done',
    );
    const { code, run } = await factory.follow(name, `# ${TITLE.protectedBranch}\n`);
    expect(run, run.reason ?? '').toMatchObject({
      state: 'done',
      delivered: { kind: 'branch', ref: `millwright/${run.id}` },
    });
    expect(code).toBe(0);
    expect(await remote.head()).toBe(base);
    expect(await remote.treeOf(`millwright/${run.id}`)).toBe(
      await remote.treeWith(base, { [TIMES.path]: TIMES.text }),
    );
    const finished = (await factory.trail(run.id)).find((entry) => entry.type === 'merge.finished');
    expect(finished?.data).toMatchObject({ reason: expect.stringContaining('refused the push') });
  });

  it('that takes nothing ends the run, which says so', LONG, async () => {
    const { name, remote, base } = await given('refused');
    refusing(remote, 'echo nobody may push here >&2; exit 1');
    const { code, run } = await factory.follow(name, `# ${TITLE.refused}\n`);
    expect(run, run.reason ?? '').toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('the merge was refused'),
    });
    expect(code).toBe(1);
    expect(await remote.head()).toBe(base);
    expect(await remote.branches()).toEqual(['main']);
  });
});

it('goes on as if nothing was when the queue is wiped in the middle of a run', LONG, async () => {
  const { name, remote, base } = await given('wiped');
  const ticket = await factory.file(name, `# ${TITLE.wiped}\n`);
  await factory.runOf(ticket, (run) =>
    run.stages.some((stage) => stage.kind === 'implement' && stage.state === 'running'),
  );
  const tables = await asSuperuser(
    ROOT,
    factory.data,
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'bullmq' and tablename <> 'migration'",
  );
  expect(tables.length).toBeGreaterThan(3);
  await asSuperuser(ROOT, factory.data, `truncate ${tables.map((table) => table.name).join(', ')} cascade`);
  expect(await factory.runOf(ticket, ended)).toMatchObject({ state: 'done' });
  await expectMerged(remote, base, TIMES);
  const implement = (await factory.runOf(ticket, ended)).stages.filter((stage) => stage.kind === 'implement');
  expect(implement).toHaveLength(1);
});
