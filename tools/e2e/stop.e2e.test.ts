import { setTimeout as sleep } from 'node:timers/promises';
import type {
  CanaryAnswer,
  Halted,
  ReleaseView,
  RollbackStatus,
  RollbackView,
  RunView,
  TrailLine,
  WhyView,
} from '@millwright/api';
import Docker from 'dockerode';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { removeFromEngine } from '../demo/clean-up.ts';
import { type Script, says } from './conversations.ts';
import { type Factory, type Ran, startFactory } from './factory.ts';
import { conversations, good, serviceFiles } from './kill/service.ts';
import { freePort, wordAt } from './kill/test-bed.ts';
import { processesOf } from './leftovers.ts';
import type { Remote } from './remote.ts';

// What docs/stop.md promises, said through the CLI to a factory whose canary has three steps and bakes longer than any of it takes. One test goes
// on where the one before it ended: a release serves, and the next one is stopped on its way, each time by another word.

const REPO = 'word';
const STEPS = [10, 50, 100];
const MS = 600_000;
const WHY = 'it is slow';
const ADMIN = 'admin';

/** Looks, then says nothing for longer than anything here waits, once. */
const stalls = (nth: number): Script[] => {
  const ticket = good(nth);
  return conversations(ticket).map((script) =>
    script.role === 'implement'
      ? says('implement', ticket.title, [
          { tools: [{ bash: 'cat answer.js' }] },
          ...script.turns.map((turn, index) =>
            index === 0 ? { ...turn, fault: { stall: 600_000, times: 1 } } : turn,
          ),
        ])
      : script,
  );
};

let factory: Factory;
let remote: Remote;
let port: number;
let ann: string;
/** The release that serves, and its word. */
let live: { release: string; word: string };

beforeAll(async () => {
  factory = await startFactory({
    conversations: [...[1, 2, 3, 5].flatMap((nth) => conversations(good(nth))), ...stalls(4)],
    env: { MILLWRIGHT_STALL_MS: '600000' },
  });
  port = await freePort();
  remote = await factory.remote(REPO, serviceFiles(port, `steps: [${STEPS.join(', ')}], bake: 5m`));
  await factory.add(remote);
  const { code } = await factory.json<{ code: string }>([
    ...['person', 'invite', 'Ann', '--roles', 'approver'],
  ]);
  ann = (await factory.json<{ token: string }>(['person', 'accept', code])).token;
}, MS);
afterAll(() => factory?.close(() => removeFromEngine(factory.id)), MS);
let fell = false;
beforeEach(({ onTestFailed, skip }) => {
  if (fell) skip('what it goes on from did not come about');
  onTestFailed(() => {
    fell = true;
    console.error(factory.said());
  });
});

const because = ['--reason', WHY];
const said = <T>(ran: Ran): T => JSON.parse(ran.stdout) as T;
/** What the CLI says on stderr where it fails, with `--json`. */
const problem = (ran: Ran) =>
  (JSON.parse(ran.stderr.trim().split('\n').at(-1) ?? '') as { error: { code: string } }).error;
const status = async (): Promise<RollbackStatus> => {
  const [only] = await factory.json<RollbackStatus[]>(['rollback', 'status', '--repo', REPO]);
  if (only === undefined) throw new Error(`nothing is known of ${REPO}`);
  return only;
};
const trail = () => factory.json<TrailLine[]>(['trail', 'show', '--repo', REPO, '--limit', '5000']);
const released = (lines: TrailLine[], type: string, release: string | null) =>
  lines.filter((line) => line.type === type && (line.data as { release?: string }).release === release);

async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  for (const end = Date.now() + MS / 2; Date.now() < end; await sleep(250)) {
    const seen = await look();
    if (seen !== null) return seen;
  }
  throw new Error(`never seen: ${what}`);
}

/** A ticket's run once `holds`; what of it waits for an approver is allowed: after what went back, later changes may have to be asked for. */
const allowed = (ticket: string, holds: (run: RunView) => boolean): Promise<RunView> =>
  until(`${ticket}: ${holds}`, async () => {
    const run = await factory.runOf(ticket, () => true);
    for (const gate of run.gates.filter(({ state }) => state === 'waiting')) {
      const ran = await factory.cli(['gate', 'approve', gate.id, ...because], { token: ann });
      expect(ran.code, ran.stderr).toBe(0);
    }
    if (run.endedAt !== null && !holds(run)) throw new Error(`${run.id} is ${run.state}: ${run.reason}`);
    return holds(run) ? run : null;
  });
const ended = (ticket: string, state: RunView['state']) => allowed(ticket, (run) => run.state === state);

const file = (nth: number) => factory.file(REPO, `# ${good(nth).title}\n`);
/** A ticket's run, once its release has the first share of traffic beside what serves. */
async function inCanary(ticket: string): Promise<RunView & { release: string }> {
  const run = await allowed(ticket, (one) => one.canary?.ended === null && one.canary.percent === 10);
  if (run.release === null) throw new Error('a canary of no release');
  expect((await status()).canary).toMatchObject({ release: run.release, percent: 10, live: live.release });
  return { ...run, release: run.release };
}
/** Ends each bake of a run's canary, until it serves. */
async function promoted(ticket: string, nth: number): Promise<RunView> {
  const done = await until(`${ticket} done`, async () => {
    const ran = await factory.cli(['release', 'promote', REPO, ...because, '--json'], { token: ann });
    if (ran.code === 0) expect(said<CanaryAnswer>(ran).state).toBe('promoting');
    else expect([ran.code, problem(ran).code]).toEqual([1, 'no-canary']);
    const run = await allowed(ticket, () => true);
    return run.endedAt === null ? null : run;
  });
  expect(done, done.reason ?? '').toMatchObject({ state: 'done' });
  live = { release: String(done.release), word: good(nth).word };
  await usersAtLive();
  return done;
}
/** Everybody is answered by what serves, and it is what is called live. */
async function usersAtLive(): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 30 }, () => wordAt(port)));
  expect([...new Set(answers)]).toEqual([live.word]);
}
async function liveIsUntouched(merge: string): Promise<void> {
  expect((await status()).live?.release).toBe(live.release);
  const state = await factory.json<ReleaseView>(['release', 'show', live.release]);
  expect(state.state).toBe('live');
  // Its merge is on the branch still, and the tree is what it was with it.
  expect(await remote.treeOf(await remote.head())).toBe(await remote.treeOf(merge));
}

/** Halts what the flags name, and asks again until nothing of it runs. */
async function halt(...scope: [string, string]): Promise<Halted> {
  const verified = await until('a halt that is verified', async () => {
    const ran = await factory.cli(['halt', ...scope, ...because, '--json']);
    const answer = said<Halted>(ran);
    expect(ran.code).toBe(answer.stopped ? 0 : 8);
    expect(answer.stopped).toBe(answer.running.length === 0);
    return answer.stopped ? answer : null;
  });
  expect(verified.halts).toMatchObject([{ by: ADMIN, reason: WHY }]);
  return verified;
}
const resume = (...scope: [string, string]) => factory.json<Halted>(['resume', ...scope, ...because]);
const paid = async () => (await factory.requests()).filter((one) => one.paid);

/** Every command that shows a run (`alone`: the first of them) says that it is halted, by whom, why, and what lifts it. */
async function saysHalted(id: string, act: object, next: RegExp, alone = false): Promise<void> {
  const stop = { by: ADMIN, reason: expect.stringContaining(WHY), next: expect.objectContaining(act) };
  const seen = await factory.json<RunView>(['run', 'show', id]);
  expect(seen).toMatchObject({ state: 'halted', stop });
  expect(await factory.json<WhyView>(['run', 'why', id])).toMatchObject({
    state: 'halted',
    next: { acts: expect.arrayContaining([expect.objectContaining(act)]) },
  });
  const listed = (await factory.json<RunView[]>(['run', 'list'])).find((run) => run.id === id);
  expect(listed).toMatchObject({ state: 'halted', stop });
  // A run that ended is watched no longer; this one is, until the time is up.
  const watched = ['run', 'watch', id, '--timeout', '2s'];
  const commands = [
    ['run', 'show', id],
    ['run', 'why', id],
    ['run', 'list'],
    watched,
    ['ticket', 'show', seen.ticket],
    ['ticket', 'list'],
    ...(seen.release === null
      ? []
      : [
          ['release', 'show', seen.release],
          ['release', 'list'],
          ['rollback', 'status'],
        ]),
  ];
  for (const command of alone ? commands.slice(0, 1) : commands) {
    const { code, stdout } = await factory.cli(command);
    expect(code, command.join(' ')).toBe(command === watched ? 8 : 0);
    const text = stdout.replaceAll(/\s+/g, ' ');
    expect(text, command.join(' ')).toMatch(/halted|frozen/);
    expect(text, command.join(' ')).toContain(`by ${ADMIN}: ${WHY}`);
    expect(text, command.join(' ')).toMatch(next);
  }
}

/** Each turn is recorded once, and was asked of the model as often as it was recorded or lost: none that is recorded is paid for again. */
async function paidOnce(id: string): Promise<void> {
  const lines = await factory.trail(id);
  const turns = (type: string) =>
    lines
      .filter((line) => line.type === type)
      .map(({ stream, data }) => `${stream.slice('attempt/'.length)} ${(data as { turn: number }).turn}`);
  const recorded = turns('turn.recorded');
  expect(new Set(recorded).size).toBe(recorded.length);
  const mine = new Set(recorded.map((one) => one.split(' ')[0]));
  const asked = (await paid())
    .filter(({ attempt }) => mine.has(attempt ?? ''))
    .map(({ attempt, turn }) => `${attempt} ${turn + 1}`);
  expect(asked.sort()).toEqual([...recorded, ...turns('turn.lost')].sort());
}

/** What every share of a canary shows in the orchestrator's own tests is for `npm run test:long`. */
const LONG = { tags: ['long'] };

it('the first release has nobody to go back to, and is promoted by who did not ask for it', async () => {
  const ticket = await file(1);
  await allowed(ticket, (run) => run.canary !== null);
  const own = await factory.cli(['release', 'promote', REPO, ...because, '--json']);
  expect([own.code, problem(own).code]).toEqual([4, 'forbidden']);
  const run = await promoted(ticket, 1);
  await paidOnce(run.id);
  const shown = await factory.cli(['release', 'show', run.release ?? '']);
  expect(shown.stdout).toMatch(/undo +by stopping it: nothing served before it/);
});

it('a canary that was paused is taken back by a rollback; what is live and its merge are not touched', async () => {
  const merge = await remote.head();
  const run = await inCanary(await file(2));
  expect(
    await factory.json<CanaryAnswer>(['release', 'pause', REPO, '--for', '30m', ...because]),
  ).toMatchObject({ state: 'paused', release: run.release, live: live.release });
  expect((await status()).canary).toMatchObject({ percent: 10, paused: { by: ADMIN, reason: WHY } });

  const unasked = await factory.cli(['rollback', '--repo', REPO, '--json']);
  expect([unasked.code, problem(unasked).code]).toEqual([2, 'usage']);
  expect(await factory.json<RollbackView>(['rollback', '--dry-run', '--repo', REPO])).toMatchObject({
    ...{ from: run.release, to: live.release, done: false },
  });
  const done = await factory.json<RollbackView>(['rollback', '--yes', ...because]);
  expect(done).toMatchObject({ done: true, from: run.release, to: live.release });
  await usersAtLive();
  const ended_ = await ended(run.ticket, 'rolled_back');
  expect(ended_.reason).toContain(WHY);
  await usersAtLive();
  await liveIsUntouched(merge);
  const lines = await trail();
  const asked = lines.filter(({ type }) => type === 'rollback.asked');
  expect(asked).toHaveLength(1);
  const back = lines.filter(
    ({ type, position, data }) =>
      type === 'target.effect-started' &&
      (data as { effect: string }).effect.startsWith('undo:') &&
      position > (released(lines, 'canary.shifted', run.release)[0]?.position ?? Number.POSITIVE_INFINITY),
  );
  expect(back.length).toBeGreaterThan(0);
  for (const { position } of back) expect(position).toBeGreaterThan(asked[0]?.position ?? 0);
  expect(released(lines, 'canary.ended', run.release)).toMatchObject([{ data: { end: 'taken_back' } }]);
});

let filedUnderHalt: string;

it('freeze, thaw, halt and resume, of it or of its unit, hold a canary, which begins anew each time and is promoted in the end', async () => {
  const ticket = await file(3);
  const run = await inCanary(ticket);
  expect(await factory.json(['release', 'freeze', REPO, ...because])).toMatchObject({
    ...{ frozen: true, held: run.release },
  });
  await usersAtLive();
  await saysHalted(run.id, { act: 'thaw-target', repo: REPO }, /release thaw word/);
  for (const unit of ['words', 'numbers']) await factory.json(['unit', 'add', unit, ...because]);
  await factory.json(['repo', 'move', REPO, '--unit', 'words', ...because]);
  await halt('--unit', 'numbers');
  expect(await factory.json(['release', 'thaw', REPO, ...because])).toMatchObject({ frozen: false });
  // Another unit's halt is in force, and this one goes on.
  await inCanary(ticket);

  await halt('--unit', 'words');
  await usersAtLive();
  expect((await status()).canary).toMatchObject({ release: run.release, held: expect.any(String) });
  await saysHalted(run.id, { act: 'resume', scope: { kind: 'unit', unit: 'words' } }, /resume --unit words/);
  expect((await resume('--unit', 'numbers')).halts).toMatchObject([{ scope: { unit: 'words' } }]);
  expect((await resume('--unit', 'words')).halts).toEqual([]);
  await inCanary(ticket);

  await halt('--repo', REPO);
  await usersAtLive();
  expect((await status()).canary).toMatchObject({ release: run.release, held: expect.any(String) });
  await saysHalted(
    run.id,
    { act: 'resume', scope: { kind: 'repo', repo: REPO } },
    /resume --repo word/,
    true,
  );
  const before = (await paid()).length;
  filedUnderHalt = await file(4);
  const late = await factory.runOf(filedUnderHalt, ({ state }) => state === 'halted');
  await saysHalted(late.id, { act: 'resume', scope: { kind: 'repo', repo: REPO } }, /resume --repo word/);
  expect(await paid()).toHaveLength(before);
  await usersAtLive();

  expect((await resume('--repo', REPO)).halts).toEqual([]);
  await inCanary(ticket);
  const done = await promoted(ticket, 3);
  await paidOnce(done.id);
  const lines = await trail();
  const shares = released(lines, 'canary.shifted', run.release).map(
    ({ data }) => (data as { percent: number }).percent,
  );
  expect(shares).toEqual([10, 10, 10, ...STEPS]);
});

it('halt of a model in the middle of an implementation cuts the call; resume pays for no recorded turn, and abort takes its canary back', async () => {
  const merge = await remote.head();
  const asking = await allowed(filedUnderHalt, (run) =>
    run.stages.some(({ kind, turns, asks }) => kind === 'implement' && turns === 1 && asks !== null),
  );
  const model = asking.stages.find(({ asks }) => asks !== null)?.asks?.model;
  if (model === undefined) throw new Error('nothing is asked of a model');
  await halt('--model', model);
  const before = (await factory.requests()).length;
  await saysHalted(
    asking.id,
    { act: 'resume', scope: { kind: 'model', model } },
    new RegExp(`resume --model ${model}`),
    true,
  );
  const again = await factory.cli(['halt', '--model', model, ...because, '--json']);
  expect([again.code, said<Halted>(again).running]).toEqual([0, []]);
  expect(await factory.requests()).toHaveLength(before);
  const lines = await factory.trail(asking.id);
  const count = (type: string) => lines.filter((line) => line.type === type).length;
  expect(count('turn.asked')).toBe(count('turn.recorded') + count('turn.lost'));

  await resume('--model', model);
  const run = await inCanary(filedUnderHalt);
  await paidOnce(run.id);
  expect(await factory.json<CanaryAnswer>(['release', 'abort', REPO, ...because])).toMatchObject({
    ...{ state: 'taken_back', release: run.release, live: live.release },
  });
  await usersAtLive();
  await ended(filedUnderHalt, 'rolled_back');
  await liveIsUntouched(merge);
  const none = await factory.cli(['release', 'abort', REPO, ...because, '--json']);
  expect([none.code, problem(none).code]).toEqual([1, 'no-canary']);
});

it('Ctrl-C in the middle of a canary goes back before it ends; the next start goes on', LONG, async () => {
  const ticket = await file(5);
  const run = await inCanary(ticket);
  await factory.restart(async () => {
    await usersAtLive();
    expect(processesOf(factory.data)).toEqual([]);
    const filters = { label: [`millwright.factory=${factory.id}`], status: ['running'] };
    for (const { Labels } of await new Docker().listContainers({ filters }))
      expect(['proxy', 'release']).toContain(Labels['millwright.purpose']);
  });
  await inCanary(ticket);
  const done = await promoted(ticket, 5);
  expect(done).toMatchObject({ id: run.id, unknown: [] });
  expect(released(await trail(), 'canary.ended', run.release).map(({ data }) => data)).toMatchObject([
    { end: 'held' },
  ]);
});

it(
  'an undo of a rollback is held by a halt of deploys, begins anew after it, and is aborted',
  LONG,
  async () => {
    const left = live;
    const done = await factory.json<RollbackView>(['rollback', '--yes', ...because]);
    expect(done).toMatchObject({ done: true, from: left.release });
    live = { release: String(done.to), word: good(3).word };
    await usersAtLive();
    // What it is judged to need is asked of each in turn.
    const undo = async (token?: string) => {
      const ran = await factory.cli(
        ['rollback', 'undo', '--no-wait', '--json'],
        token === undefined ? {} : { token },
      );
      expect(ran.code, ran.stderr).toBe(8);
      return said<{ state: string; release: string }>(ran);
    };
    const first = await undo();
    expect(first.state === 'started' ? first : await undo(ann)).toMatchObject({
      ...{ state: 'started', release: left.release },
    });
    const at10 = () =>
      until('the canary of the undo', async () => {
        const { canary } = await status();
        return canary?.release === left.release && canary.percent === 10 ? canary : null;
      });
    await at10();
    await halt('--action', 'deploy');
    await usersAtLive();
    expect(await status()).toMatchObject({
      stop: { by: ADMIN, next: { act: 'resume', scope: { kind: 'action', action: 'deploy' } } },
      canary: { percent: 0, held: expect.stringContaining(WHY) },
    });
    expect((await resume('--action', 'deploy')).halts).toEqual([]);
    await at10();
    expect(await factory.json<CanaryAnswer>(['release', 'abort', REPO, ...because])).toMatchObject({
      ...{ state: 'taken_back', release: left.release, live: live.release },
    });
    await usersAtLive();
    await until('its end', async () => ((await status()).undo?.state === 'rolled_back' ? true : null));
    await usersAtLive();
  },
);
