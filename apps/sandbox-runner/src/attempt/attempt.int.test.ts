import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AnthropicClient, Breaker, BUILT_IN } from '@millwright/agents';
import { parseScript, type RecordedServer, startRecorded } from '@millwright/agents/recorded';
import { openRunnerTrail, openTrail, type RunnerTrail, type WritableTrail } from '@millwright/audit';
import {
  AcceptanceChecks,
  type Actor,
  AttemptId,
  AttemptSpec,
  Blocked,
  ChangeSet,
  type Clock,
  type Digest,
  type EntryOf,
  GitSha,
  getJson,
  type HaltScope,
  HandedOver,
  knownSecrets,
  Noticed,
  Plan,
  putJson,
  Release,
  RepoName,
  Review,
  RunId,
  streamOf,
  TestReport,
  testReport,
  UnitName,
} from '@millwright/domain';
import { openSandboxes, type Sandboxes } from '@millwright/sandbox';
import { openSecrets, openStore, type Secrets, type Store } from '@millwright/store';
import { placesOf, type TestDatabase, testDatabase } from '@millwright/store/testing';
import { javascript } from '@millwright/toolchains';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newIncarnation } from '../incarnation.ts';
import { maskedArtifacts, maskedTrail } from '../known-secrets.ts';
import { createPrepare } from '../prepare/index.ts';
import { baseOf, FORMS, GOOD, source, TWICE, tests } from '../testing/runners.ts';
import { bundleOf, type Files } from '../testing/snapshots.ts';
import { memoryOf } from '../verify/base-memory.ts';
import type { BaseFacts } from '../verify/judge.ts';
import { HaltWatch } from './halts.ts';
import { runAttempt } from './run-attempt.ts';
import type { Runner } from './runner.ts';

// Each role once, and what happens when attempts move between runners: real Postgres, real engine, only the model scripted.

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
};
/** In two parts, so that this file holds no secret itself. */
const CANARY = ['ghp', '_canaryabcdefghijklmnopqrstuvwxyz012345'].join('');
/** Secrets by no format: known because they were set. */
const SET = 'correct/horse+0815';
const LATE = 'battery/staple+4711';
const formsOf = (value: string) => [
  value,
  Buffer.from(value).toString('base64'),
  Buffer.from(value).toString('hex'),
  encodeURIComponent(value),
];
const write = (value: string, file: string) =>
  formsOf(value)
    .map((form) => `echo 'k = ${form}' >> ${file}`)
    .join(' && ');
/** Where 200 characters are cut, a value stands across. */
const CUT = `${'# '.padEnd(182, 'x')} ${SET}`;
const SCRIPT = `
role: plan
turns:
  - expect: ["<files>", "src/: AGENTS.md, .*sum.js", "exports.add [(][0-9]", "src/sum.js:[0-9]+: .*exports.add", "nowhere: exports.nothing", "keepPure [(]1[)]", "suite on the base: not known to the factory yet"]
    tools: [{ bash: "cat src/sum.js" }]
  - expect: ["exports.add"]
    tools: [{ submit: { summary: one task, excerpts: ["src/sum.js"], tasks: [{ id: a, title: Add, instructions: do it, dependsOn: [], acceptance: [] }] } }]
  - expect: ["src/sum.js is no PATH:FROM-TO", "known by now: suite on the base: passes, "]
    tools: [{ submit: { summary: one task, excerpts: ["src/sum.js:1-9", "test/nowhere.js:2-3"], tasks: [{ id: a, title: Add, instructions: do it, dependsOn: [], acceptance: [] }] } }]
---
role: implement
when: { title: "^Triple" }
turns:
  - tools: [{ bash: "echo 'exports.triple = (a) => 3 * a;' >> src/sum.js && echo kept > note.txt" }]
  - tools: [{ bash: "cat note.txt && rm note.txt" }]
  - expect: ["kept"]
    tools: [{ submit: { summary: triples, commitMessage: Add triple } }]
---
role: implement
when: { title: "^Beside" }
turns:
  - tools: [{ bash: "# background: server\\nnode -e 'require(\\"http\\").createServer((q, s) => s.end(\\"served\\")).listen(4321, () => console.log(\\"listens\\"))'" }, { bash: "# output: server 60" }]
  - expect: ["listens"]
    tools: [{ bash: "node -e 'fetch(\\"http://127.0.0.1:4321\\").then((r) => r.text()).then(console.log)'" }]
  - expect: ["served"]
    tools: [{ bash: "echo 'exports.triple = (a) => 3 * a;' >> src/sum.js" }]
  - tools: [{ submit: { summary: triples, commitMessage: Add triple } }]
---
role: implement
when: { title: "^Facts", prompt: "^- tests, as the factory runs them .*: node --test && node check.cjs\\n- suite on the base: passes, [0-9.]+ s$(\\n.*)*<advice>\\n.*read the nearest before you work there:\\n- src/AGENTS.md" }
turns:
  - tools: [{ bash: "echo 'exports.triple = (a) => 3 * a;' >> src/sum.js" }]
  - tools: [{ submit: { summary: triples, commitMessage: Add triple } }]
---
role: implement
when: { title: "^Nothing" }
turns:
  - tools: [{ submit: { summary: nothing, commitMessage: Do nothing } }]
---
role: implement
when: { title: "^Blocked" }
turns:
  - tools: [{ submit: { summary: I looked., commitMessage: None, blocked: The tests fail without my change too., noticed: ["src/sum.js:1: no zero"] } }]
---
role: implement
when: { title: "^Failed a check" }
turns:
  - tools: [{ bash: "cat .millwright-checks/a.cjs; git status --short; echo 'exports.triple = (a) => 3 * a;' >> src/sum.js" }]
  - expect: ["add.2,2.[^?]*$"]
    tools: [{ submit: { summary: triples, commitMessage: Add triple } }]
---
role: implement
when: { title: "^Thinks" }
turns:
  - think: First the token.
    tools: [{ bash: "echo '${CANARY}' > /tmp/kept" }, { think: Then the length. }, { bash: "wc -c < /tmp/kept" }]
  - expect: ["43"]
    think: Now the work.
    tools: [{ bash: "echo 'exports.triple = (a) => 3 * a;' >> src/sum.js" }]
  - think: Done, I think.
    tools: [{ bash: "tail -1 src/sum.js" }]
  - expect: ["triple"]
    tools: [{ submit: { summary: triples, commitMessage: Add triple } }]
---
role: implement
when: { title: "^Hands over" }
handover: "triple is written. Open: hand it in."
turns:
  - tools: [{ bash: "echo 'exports.triple = (a) => 3 * a;' >> src/sum.js" }]
  - tools: [{ bash: "grep triple src/sum.js" }]
---
role: implement
when: { title: "^Hands over", prompt: "<handover>\\ntriple is written" }
turns:
  - tools: [{ bash: "git status --short" }]
  - expect: ["M src/sum.js"]
    tools: [{ submit: { summary: triples, commitMessage: Add triple } }]
---
role: implement
when: { title: "^Leaky" }
turns:
  - tools: [{ bash: "echo 'key = ${CANARY}' > key.txt && cat key.txt" }]
  - expect: ["masked: GitHub token"]
    tools: [{ bash: "exit 3 # ${CANARY}" }]
  - tools: [{ submit: { summary: "wrote ${CANARY}", commitMessage: "Keep ${CANARY}" } }]
---
role: implement
when: { title: "^Knows" }
turns:
  - say: "it is ${SET}"
    tools: [{ bash: "${CUT}" }, { bash: "${write(SET, 'key.txt')} && cat key.txt" }]
  - expect: ["k = correct.horse"]
    tools: [{ bash: "${write(LATE, 'src/late.js')} && cat src/late.js" }]
  - tools: [{ submit: { summary: "wrote ${SET}", commitMessage: "Keep ${SET}" } }]
---
role: implement
when: { title: "^Links" }
turns:
  - tools: [{ bash: "mkdir -p conf && echo '{}' >conf/vitest.json && ln -s conf/vitest.json vitest.config.json" }]
  - tools: [{ submit: { summary: links, commitMessage: Link } }]
---
role: implement
when: { title: "^Packs" }
turns:
  - tools: [{ bash: "${formsOf(SET)
    .map((form, nth) => `(head -c 300000 /dev/zero && echo 'k = ${form}' && head -c 9 /dev/zero) >${nth}.bin`)
    .join(' && ')}" }]
  - tools: [{ submit: { summary: packs, commitMessage: Pack } }]
---
role: implement
when: { title: "^Says" }
turns:
  - tools: [{ bash: "echo 'exports.triple = (a) => 3 * a;' >> src/sum.js" }]
  - tools: [{ submit: { summary: "triples ${SET}", commitMessage: "Add ${encodeURIComponent(SET)}" } }]
---
role: implement
when: { title: "^Gives up" }
turns:
  - tools: [{ submit: { summary: I looked., commitMessage: None, blocked: "It needs ${SET}" } }]
---
role: test
when: { title: "^Knows" }
turns:
  - tools: [{ bash: "mkdir .millwright-checks && ${write(SET, '.millwright-checks/a.txt')}" }]
  - tools: [{ submit: { summary: a check, checks: [{ acceptance: adds, command: "true ${SET}" }] } }]
---
role: implement
when: { title: "^Slow" }
turns:
  - tools: [{ bash: "sleep 20" }]
  - tools: [{ submit: { summary: nothing, commitMessage: Do nothing } }]
---
role: review
turns:
  - tools: [{ bash: "git diff --stat HEAD~1; git show --format=%s HEAD; git status --short; diff -r /base/src src | head -3; ls -d /base" }]
  - expect: ["^ src/sum.js ", "^The work so far", "^/base$"]
    tools: [{ bash: "cat .millwright-checks/*; git status --short; echo $PATH" }]
  - expect: ["add.2,2.", ":/workspace/node_modules/.bin$"]
    tools: [{ submit: { verdict: approve, summary: fine, findings: [] } }]
---
role: test
turns:
  - tools: [{ bash: "mkdir .millwright-checks && echo \\"require('assert').equal(require('../src/sum.js').add(2,2), 4)\\" > .millwright-checks/a.cjs" }]
  - tools: [{ submit: { summary: a check, checks: [{ acceptance: adds, command: node .millwright-checks/a.cjs }] } }]
---
role: test
when: { title: "^Too long" }
turns:
  - tools: [{ bash: "mkdir .millwright-checks && echo kept > .millwright-checks/a.txt" }]
---
role: test
when: { title: "^Too long", prompt: "its workspace is as it left it" }
turns:
  - tools: [{ bash: "cat .millwright-checks/a.txt" }]
  - expect: ["kept"]
    tools: [{ submit: { summary: a check, checks: [{ acceptance: kept, command: grep -qx kept .millwright-checks/a.txt }] } }]
---
role: deploy
turns:
  - expect: ["<diff>\\ndiff"]
    tools: [{ submit: { notes: Adds., watch: [errors] } }]
`;

const FACTORY = `test-${process.pid}`;
let db: TestDatabase;
let trail: WritableTrail;
let store: Store;
/** As the orchestrator reads it. */
let ledger: Store;
let secrets: Secrets;
let model: RecordedServer;
let data: string;
let sandboxes: Sandboxes;
const trails: RunnerTrail[] = [];
const watches: HaltWatch[] = [];
const woken: string[] = [];

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'millwright-attempt-'));
  db = await testDatabase();
  trail = openTrail({ url: db.url.orchestrator, clock });
  store = openStore({ url: db.url.runner });
  ledger = openStore({ url: db.url.orchestrator });
  secrets = openSecrets({ store: ledger, key: randomBytes(32) });
  model = await startRecorded({ conversations: parseScript(SCRIPT, 'attempt.yaml') });
  sandboxes = await openSandboxes({
    ...{ data, factory: FACTORY, incarnation: await newIncarnation() },
    image: process.env.MILLWRIGHT_SANDBOX_IMAGE ?? 'millwright/sandbox:latest',
  });
});
afterAll(async () => {
  await sandboxes?.close();
  for (const watch of watches) watch.close();
  await Promise.all(trails.map((one) => one.close()));
  await model?.close();
  await store?.close();
  await ledger?.close();
  await trail?.close();
  await db?.close();
  rmSync(data, { recursive: true, force: true });
});

async function newRunner(): Promise<Runner & { trail: RunnerTrail }> {
  const own = await openRunnerTrail({ url: db.url.runner, clock, incarnation: await newIncarnation() });
  trails.push(own);
  const models = Object.fromEntries(
    ['plan', 'implement', 'review', 'test', 'deploy'].map((role) => [
      `MILLWRIGHT_MODEL_${role.toUpperCase()}`,
      `recorded/${role}`,
    ]),
  );
  const halts = new HaltWatch(own, clock, 'tested' as never);
  watches.push(halts);
  void halts.watch();
  const known = knownSecrets(store.secretFinder, clock);
  return {
    ...{ halts, halted: new Map(), labels: new Set<string>() },
    ...{ trail: maskedTrail(own, known), artifacts: maskedArtifacts(store.artifacts, known), known },
    ...{ budget: store.budget, sandboxes, clock, models },
    queue: { wake: async (topic, id) => void woken.push(`${topic} ${id}`) },
    prepare: createPrepare(sandboxes, javascript.installing),
    client: new AnthropicClient({ apiKey: 'recorded', baseUrl: model.url }),
    breaker: new Breaker(clock),
    catalog: async () => ({ kind: 'catalog', catalog: BUILT_IN }),
    toolchain: javascript,
    memory: memoryOf(join(data, 'verified')),
    suiteMs: 900_000,
    note: () => {},
    doing: () => {},
    answered: async () => {},
  };
}

const node = FORMS.find(({ name }) => name === 'node');
if (node === undefined) throw new Error('no node form');
const form = node;
const base = { ...baseOf(form), 'src/AGENTS.md': 'Keep functions pure (keepPure).\n' };
const better: Files = {
  ...base,
  'src/sum.js': source(form, { ...GOOD, twice: 'a + a' }),
  'test/twice.test.js': tests(form, { ...TWICE, 'doubles three': ['twice(3)', '6'] }),
};
const RUN = RunId.parse('run_0000000000000001');
const PLAN: Plan = { kind: 'tasks', summary: '', tasks: [task()] };
const CHANGED = [{ path: 'src/sum.js', status: 'modified', added: 1, removed: 1 }];
let made = 0;

function task() {
  return { id: 'a' as never, title: 'Add', instructions: 'do it', dependsOn: [], acceptance: [] };
}

/** Opens an attempt as the orchestrator does. `trees` are [base, better]. */
async function open(title: string, of: (trees: string[]) => object, wallMs = 120_000): Promise<AttemptId> {
  const attempt = AttemptId.parse(`att_${String(++made).padStart(16, '0')}`);
  const { bundle, trees } = bundleOf(base, better);
  const deadline = Date.now() + wallMs;
  const spec = AttemptSpec.parse({
    ...{ attempt, run: RUN, repo: 'sum', ticket: { title }, config: {}, baseTree: trees[0], deadline },
    source: { bundle: await store.artifacts.put(bundle), trees },
    limits: { turns: 20, wallMs, usd: 5 },
    budgets: ['factory'],
    ...of(trees),
  });
  const data = {
    attempt,
    run: RUN,
    role: spec.role,
    spec: await putJson(store.artifacts, AttemptSpec, spec),
    deadline,
  };
  const opened = await trail.append({
    ...{ stream: streamOf.attempt(attempt), expectedVersion: 0, actor: 'orchestrator' as Actor },
    entries: [{ type: 'attempt.opened', data }],
  });
  expect(opened.kind).toBe('appended');
  return attempt;
}

const entriesOf = async (attempt: AttemptId) =>
  (await trail.read(streamOf.attempt(attempt))).map(({ entry }) => entry);
async function outcomeOf(attempt: AttemptId) {
  const last = (await entriesOf(attempt)).at(-1);
  return last?.type === 'attempt.closed' ? last.data.outcome : null;
}
async function artifactOf(attempt: AttemptId): Promise<Digest> {
  const outcome = await outcomeOf(attempt);
  if (outcome?.kind !== 'done') throw new Error(`not done: ${JSON.stringify(outcome)}`);
  return outcome.artifact;
}
const implement = ([tree]: string[]) => ({
  ...{ role: 'implement', plan: PLAN, task: task(), from: tree, start: tree, feedback: [], triesLeft: 3 },
});
const never = new AbortController().signal;

test('plan: an artifact with the lines that it hands on, every turn on the trail, the run woken, the container gone; beside it the base is learned, and its planner told', async () => {
  const attempt = await open(
    'Plan exports.add, exports.nothing, keep pure',
    () => ({ role: 'plan', maxTasks: 4, answers: [], evidence: [] }),
    500_000,
  );
  const runner = await newRunner();
  const memory = memoryOf(null);
  const learned = Promise.withResolvers<void>();
  const facts: BaseFacts[] = [];
  let calls = 0;
  await runAttempt(
    {
      ...{ ...runner, learnAfterMs: 0 },
      memory: {
        ...memory,
        set: async (key, taught) => {
          await memory.set(key, taught);
          facts.push(taught);
          learned.resolve();
        },
      },
      client: {
        check: (...args) => runner.client.check(...args),
        call: async (request, signal, ...rest) => {
          calls += 1;
          const over = new Promise((resolve) => signal.addEventListener('abort', resolve));
          if (calls === 2) await Promise.race([learned.promise, over]);
          return runner.client.call(request, signal, ...rest);
        },
      },
    },
    attempt,
    never,
  );
  expect(facts).toMatchObject([{ runner: 'node', exitCode: 0, passed: null }]);
  expect(await getJson(store.artifacts, Plan, await artifactOf(attempt))).toMatchObject({
    kind: 'tasks',
    excerpts: [
      { path: 'src/sum.js', from: 1, to: 9, text: source(form, GOOD).split('\n').slice(0, 9).join('\n') },
      { path: 'test/nowhere.js', from: 2, to: 3, text: '(nothing there)' },
    ],
  });
  expect((await entriesOf(attempt)).map((entry) => entry?.type)).toEqual([
    ...['attempt.opened', 'attempt.claimed', 'attempt.sandboxed'],
    ...['turn.asked', 'turn.recorded', 'turn.asked', 'turn.recorded', 'turn.asked', 'turn.recorded'],
    'attempt.closed',
  ]);
  expect(woken).toContain(`runs ${RUN}`);
  expect(await containersOf(attempt)).toEqual([]);
});

test('plan: where its stage is over first, it leaves an account', async () => {
  const attempt = await open('Plan exports.add, exports.nothing, keep pure', () => ({
    ...{ role: 'plan', maxTasks: 4, answers: [], evidence: [] },
    limits: { turns: 1, wallMs: 120_000, usd: 5 },
  }));
  await runAttempt(await newRunner(), attempt, never);
  const outcome = await outcomeOf(attempt);
  if (outcome?.kind !== 'failed' || outcome.handedOver === undefined) throw new Error('it left nothing');
  expect(outcome).toMatchObject({ code: 'turns', retryable: false });
  expect((await getJson(store.artifacts, HandedOver, outcome.handedOver)).note).toContain('cat src/sum.js');
});

/** Another file's attempts have the same ids. */
const containersOf = (attempt: AttemptId) => {
  const label = [`millwright.attempt=${attempt}`, `millwright.factory=${FACTORY}`];
  return sandboxes.engine.docker.listContainers({ all: true, filters: { label } });
};

test('implement: a command that was left running is asked over loopback, and ends with the attempt', async () => {
  const attempt = await open('Beside', implement);
  await runAttempt(await newRunner(), attempt, never);
  const change = await getJson(store.artifacts, ChangeSet, await artifactOf(attempt));
  expect(change.paths).toMatchObject([{ path: 'src/sum.js', status: 'modified' }]);
  expect(await containersOf(attempt)).toEqual([]);
});

test('implement: the change as extracted, not as told', async () => {
  const attempt = await open('Triple', implement);
  await runAttempt(await newRunner(), attempt, never);
  const change = await getJson(store.artifacts, ChangeSet, await artifactOf(attempt));
  expect(change).toMatchObject({
    commitMessage: 'Add triple',
    paths: [{ path: 'src/sum.js', status: 'modified' }],
  });
  const patch = new TextDecoder().decode(await store.artifacts.get(change.patch));
  expect(patch).toContain('+exports.triple = (a) => 3 * a;');
});

test('implement: an empty change is refused', async () => {
  const attempt = await open('Nothing', implement);
  await runAttempt(await newRunner(), attempt, never);
  expect(await outcomeOf(attempt)).toMatchObject({
    kind: 'failed',
    code: 'change-refused',
    retryable: false,
  });
});

test('implement: blocked is handed in as such, and nothing is made up', async () => {
  const attempt = await open('Blocked', implement);
  await runAttempt(await newRunner(), attempt, never);
  expect(await getJson(store.artifacts, Blocked, await artifactOf(attempt))).toEqual({
    kind: 'blocked',
    summary: 'I looked.',
    reason: 'The tests fail without my change too.',
  });
  const outcome = await outcomeOf(attempt);
  if (outcome?.kind !== 'done' || outcome.noticed === undefined) throw new Error('nothing was noticed');
  expect(await getJson(store.artifacts, Noticed, outcome.noticed)).toEqual({
    faults: ['src/sum.js:1: no zero'],
  });
});

test('implement: thinking around a call that holds a token goes back as it came; resumed, it is left out, on the trail', async () => {
  const attempt = await open('Thinks', implement);
  const stop = new AbortController();
  const first = await newRunner();
  const half: Runner = {
    ...first,
    note: (event, { text }) => {
      if (event === 'activity' && String(text).includes('turn 3')) stop.abort(new Error('SIGTERM'));
    },
  };
  await runAttempt(half, attempt, stop.signal);
  expect(await outcomeOf(attempt)).toBeNull();
  await runAttempt(await newRunner(), attempt, never);
  const change = await getJson(store.artifacts, ChangeSet, await artifactOf(attempt));
  expect(change.paths.map(({ path }) => path)).toEqual(['src/sum.js']);
  const changes = (await entriesOf(attempt)).flatMap((entry) =>
    entry?.type === 'conversation.changed' ? [[entry.data.change, entry.data.after]] : [],
  );
  expect(changes).toEqual([['thinking_dropped', 2]]);
  expect(await placesOf(db.url.postgres, CANARY.slice(4, 24))).toEqual([]);
});

test('implement: a conversation that hands over goes on in a sandbox of its own later, with what it was told', async () => {
  const attempt = await open('Hands over', implement);
  const runner = await newRunner();
  const short: Runner = { ...runner, conversationTurns: 2 };
  await runAttempt(short, attempt, never);
  const change = await getJson(store.artifacts, ChangeSet, await artifactOf(attempt));
  expect(change.commitMessage).toBe('Add triple');
  const changes = (await entriesOf(attempt)).flatMap((entry) =>
    entry?.type === 'conversation.changed' ? [entry.data] : [],
  );
  expect(changes).toMatchObject([{ change: 'handed_over', after: 3, note: expect.any(String) }]);
});

test('implement: a secret that the model wrote down is nowhere: not in turns, the workspace kept, the patch, or why it was refused', async () => {
  const attempt = await open('Leaky', implement);
  await runAttempt(await newRunner(), attempt, never);
  const outcome = await outcomeOf(attempt);
  expect(outcome).toMatchObject({ kind: 'failed', code: 'change-refused', retryable: false });
  expect(JSON.stringify(outcome)).toContain(
    'line 1 of key.txt holds what looks like a secret (GitHub token)',
  );
  expect(JSON.stringify(await entriesOf(attempt))).toContain('masked');
  expect(await placesOf(db.url.postgres, CANARY.slice(4, 24))).toEqual([]);
  expect(await placesOf(db.url.postgres, 'key.txt')).toContain('millwright.artifact_chunks.bytes'); // it would have been found
});

const places = async (value: string) =>
  (await Promise.all(formsOf(value).map((form) => placesOf(db.url.postgres, form)))).flat();

test('implement: a secret that is known by its value alone is nowhere, in any form, also where it was set while the agent worked', async () => {
  const shop = RepoName.parse('shop');
  await secrets.set(shop, 'TOKEN', SET);
  const attempt = await open('Knows', implement);
  const runner = await newRunner();
  const said: string[] = [];
  let late: Promise<void> | null = null;
  const noting: Runner = {
    ...runner,
    note: (event, { text }) => {
      if (event === 'activity' && String(text).includes('turn 2')) late ??= secrets.set(shop, 'LATE', LATE);
    },
    doing: (_attempt, text) => void said.push(text ?? ''),
  };
  await runAttempt(noting, attempt, never);
  await late;
  expect(await outcomeOf(attempt)).toMatchObject({
    ...{ kind: 'failed', code: 'change-refused', retryable: false },
    reason:
      'The change was refused: line 1 of key.txt holds the value of secret TOKEN. Nothing of it was kept; take it out.',
  });
  const actions = (await entriesOf(attempt)).flatMap((one) =>
    one?.type === 'turn.recorded' ? [one.data.action] : [],
  );
  expect(actions[0]).toMatch(/^bash # x+ \[secret/);
  expect(actions[1]).toContain("bash echo 'k = [secret LATE]' >> src/late.js");
  expect([await places(SET), await places(LATE)]).toEqual([[], []]);
  // Neither a part of one, where its line was cut.
  expect(await placesOf(db.url.postgres, SET.slice(0, 8))).toEqual([]);
  expect(said.join().includes(SET.slice(0, 8))).toBe(false);
  expect(await placesOf(db.url.postgres, 'key.txt')).toContain('millwright.artifact_chunks.bytes'); // it would have been found
});

test('implement: a link where configuration is found by name is refused, with its path', async () => {
  const attempt = await open('Links', implement);
  await runAttempt(await newRunner(), attempt, never);
  expect(await outcomeOf(attempt)).toMatchObject({
    ...{ kind: 'failed', code: 'change-refused', retryable: false },
    reason: expect.stringMatching(/^The change was refused: vitest\.config\.json is made a link/),
  });
});

test('implement: a binary file that holds a known value is refused before anything of it is stored', async () => {
  await secrets.set(RepoName.parse('shop'), 'TOKEN', SET);
  const attempt = await open('Packs', implement);
  await runAttempt(await newRunner(), attempt, never);
  expect(await outcomeOf(attempt)).toMatchObject({
    ...{ kind: 'failed', code: 'change-refused', retryable: false },
    reason:
      'The change was refused: 0.bin holds the value of secret TOKEN. Nothing of it was kept; take it out.',
  });
  expect(await places(SET)).toEqual([]);
  expect(await placesOf(db.url.postgres, 'GIT binary patch')).toEqual([]);
});

test('what agents hand in holds no known value: a message, a reason, a check and its files', async () => {
  await secrets.set(RepoName.parse('shop'), 'TOKEN', SET);
  const [says, blocked, checks] = [
    await open('Says', implement),
    await open('Gives up', implement),
    await open('Knows checks', () => ({
      ...{ role: 'test', plan: PLAN, tree: null, changed: [], checks: null },
    })),
  ];
  for (const attempt of [says, blocked, checks]) await runAttempt(await newRunner(), attempt, never);
  expect(await outcomeOf(says)).toMatchObject({
    code: 'change-refused',
    reason: expect.stringContaining('its message holds the value of secret TOKEN'),
  });
  await artifactOf(checks);
  const given = await getJson(store.artifacts, Blocked, await artifactOf(blocked));
  expect(given.reason).toBe('It needs [secret TOKEN]');
  expect(await places(SET)).toEqual([]);
});

test('implement: a check that failed is there to be read, and is none of the change', async () => {
  const writes = await open('Test', () => ({
    ...{ role: 'test', plan: PLAN, tree: null, changed: [], checks: null },
  }));
  await runAttempt(await newRunner(), writes, never);
  const checks = await artifactOf(writes);
  const ran = {
    command: 'node .millwright-checks/a.cjs',
    timedOut: false,
    output: 'not 4',
    ms: 1,
    exitCode: 1,
  };
  const attempt = await open('Failed a check', (trees) => ({
    ...implement(trees),
    feedback: [
      {
        kind: 'tests',
        report: {
          ...testReport({
            tree: GitSha.parse(trees[0]),
            verdict: 'failed',
            reason: 'A check failed.',
            checks,
          }),
          acceptance: [{ acceptance: 'adds', kind: 'change', result: ran, before: ran }],
        },
      },
    ],
  }));
  await runAttempt(await newRunner(), attempt, never);
  const change = await getJson(store.artifacts, ChangeSet, await artifactOf(attempt));
  expect(change.paths).toMatchObject([{ path: 'src/sum.js', status: 'modified' }]);
});

test('review: bound to the patch, with the checks at hand', async () => {
  const writes = await open('Test', () => ({
    ...{ role: 'test', plan: PLAN, tree: null, changed: [], checks: null },
  }));
  await runAttempt(await newRunner(), writes, never);
  const checks = await artifactOf(writes);
  const patchId = 'c'.repeat(40);
  const patch = await store.artifacts.put(new TextEncoder().encode('diff --git a/src/sum.js b/src/sum.js\n'));
  const attempt = await open('Review', ([from, tree]) => ({
    ...{ role: 'review', plan: PLAN, task: null, patch, patchId, paths: CHANGED, from, tree },
    ...{
      said: { summary: 'Adds.', commitMessage: 'Add' },
      earlier: [],
      interdiff: null,
      open: [],
      tested: testReport({
        ...{ tree: GitSha.parse(tree), verdict: 'passed', reason: 'Every test passed.', checks },
      }),
      triesLeft: 3,
    },
  }));
  await runAttempt(await newRunner(), attempt, never);
  expect(await getJson(store.artifacts, Review, await artifactOf(attempt))).toMatchObject({
    patchId,
    verdict: 'approve',
  });
});

test('test: checks are written without the change; the suite and they decide, and no model is asked then', async () => {
  const writes = await open('Test', () => ({
    ...{ role: 'test', plan: PLAN, tree: null, changed: [], checks: null },
  }));
  await runAttempt(await newRunner(), writes, never);
  const checks = await artifactOf(writes);
  const attempt = await open('Test', ([, tree]) => ({
    ...{ role: 'test', plan: PLAN, tree, changed: CHANGED, checks },
  }));
  await runAttempt(await newRunner(), attempt, never);
  expect((await entriesOf(attempt)).map((entry) => entry?.type)).not.toContain('turn.asked');
  const report = await getJson(store.artifacts, TestReport, await artifactOf(attempt));
  expect(report).toMatchObject({ verdict: 'passed', runner: 'node', names: { base: 3, reported: 4 } });
  expect(report.acceptance).toMatchObject([{ acceptance: 'adds', result: { exitCode: 0 } }]);
});

test('test: where its stage is over first, what it wrote is there for the next attempt', async () => {
  const writes = (more: object) => () => ({
    ...{ role: 'test', plan: PLAN, tree: null, changed: [], checks: null },
    ...more,
  });
  const first = await open('Too long', writes({ limits: { turns: 1, wallMs: 120_000, usd: 5 } }));
  await runAttempt(await newRunner(), first, never);
  const outcome = await outcomeOf(first);
  if (outcome?.kind !== 'failed' || outcome.handedOver === undefined) throw new Error('it left nothing');
  const { note, workspace } = await getJson(store.artifacts, HandedOver, outcome.handedOver);
  const attempt = await open('Too long', writes({ handedOver: note, workspace: workspace?.kept }));
  await runAttempt(await newRunner(), attempt, never);
  const { files } = await getJson(store.artifacts, AcceptanceChecks, await artifactOf(attempt));
  expect(files).not.toBeNull();
});

test('implement: what a test stage learned of the base is in the first message, and nothing was run for it', async () => {
  const attempt = await open('Facts', implement);
  const runner = await newRunner();
  const ran: string[] = [];
  await runAttempt({ ...runner, note: (event) => void ran.push(event) }, attempt, never);
  expect(await outcomeOf(attempt)).toMatchObject({ kind: 'done' });
  expect(ran).not.toContain('suite.ran');
});

test('deploy: the bytes that were tested are the layer; its notes are written from the diff', async () => {
  const patch = await store.artifacts.put(new TextEncoder().encode('diff --git a/src/sum.js b/src/sum.js\n'));
  const attempt = await open('Deploy', ([, tree]) => ({
    ...{
      role: 'deploy',
      plan: PLAN,
      release: 'rel_0000000000000001',
      commit: 'd'.repeat(40),
      tree,
      before: null,
    },
    ...{ changed: CHANGED, patch },
  }));
  await runAttempt(await newRunner(), attempt, never);
  const release = await getJson(store.artifacts, Release, await artifactOf(attempt));
  expect(release).toMatchObject({ notes: 'Adds.', test: { verdict: 'passed', names: { base: 3 } } });
  const layer = Buffer.from(await store.artifacts.get(release.layer));
  expect(layer.includes('./src/sum.js')).toBe(true);
  expect(layer.includes('./.git/')).toBe(false);
});

test('deploy: a build that fails says how', async () => {
  const patch = await store.artifacts.put(new TextEncoder().encode('diff\n'));
  const attempt = await open('Deploy broken', ([, tree]) => ({
    ...{
      role: 'deploy',
      plan: PLAN,
      release: 'rel_0000000000000002',
      commit: 'd'.repeat(40),
      tree,
      before: null,
    },
    ...{ changed: CHANGED, patch, config: { build: 'echo no compiler >&2; exit 3' } },
  }));
  await runAttempt(await newRunner(), attempt, never);
  const outcome = await outcomeOf(attempt);
  expect(outcome).toMatchObject({ kind: 'failed', code: 'build-failed', retryable: false });
  expect(JSON.stringify(outcome)).toMatch(/exit code 3.*no compiler/);
});

test('a runner that goes away hands over: the next goes on at the recorded turn, its workspace as it was, no turn asked for twice', async () => {
  const attempt = await open('Triple twice', implement);
  const first = await newRunner();
  const stop = new AbortController();
  const half: Runner = {
    ...first,
    note: (event, { text }) => {
      if (event === 'activity' && String(text).includes('turn 2')) stop.abort(new Error('SIGTERM'));
    },
  };
  await runAttempt(half, attempt, stop.signal);
  expect(await outcomeOf(attempt)).toBeNull();
  expect(woken).toContain(`attempts ${attempt}`);

  await runAttempt(await newRunner(), attempt, never);
  const change = await getJson(store.artifacts, ChangeSet, await artifactOf(attempt));
  expect(change.paths.map(({ path }) => path)).toEqual(['src/sum.js']);
  const turns = (await entriesOf(attempt)).flatMap((entry) =>
    entry?.type === 'turn.recorded' ? [entry.data.turn] : [],
  );
  expect(turns).toEqual([1, 2, 3]);
  // What the first had asked for is not passed over in silence.
  const calls = (await entriesOf(attempt)).flatMap((entry) =>
    entry?.type === 'turn.asked' || entry?.type === 'turn.lost' ? [`${entry.type} ${entry.data.turn}`] : [],
  );
  expect(calls).toEqual(['turn.asked 1', 'turn.asked 2', 'turn.lost 2', 'turn.asked 2', 'turn.asked 3']);
  const fences = (await entriesOf(attempt)).filter(
    (e): e is EntryOf<'attempt.claimed'> => e?.type === 'attempt.claimed',
  );
  expect(fences.map((entry) => entry.data.fence)).toEqual([1, 2]);
});

test('a doubled wake-up does nothing', async () => {
  const attempt = await open('Nothing twice', implement);
  const [a, b] = [await newRunner(), await newRunner()];
  await Promise.all([
    runAttempt(a, attempt, never),
    runAttempt(b, attempt, never),
    runAttempt(a, attempt, never),
  ]);
  const types = (await entriesOf(attempt)).map((entry) => entry?.type);
  expect(types.filter((type) => type === 'attempt.claimed')).toHaveLength(1);
  expect(types.filter((type) => type === 'attempt.closed')).toHaveLength(1);
});

test('an attempt that the orchestrator closes is dropped', async () => {
  const attempt = await open('Slow', implement);
  const running = newRunner().then((runner) => runAttempt(runner, attempt, never));
  await expect.poll(async () => (await entriesOf(attempt)).length, { timeout: 120_000 }).toBe(4);
  const closed = await trail.append({
    ...{ stream: streamOf.attempt(attempt), expectedVersion: 4, actor: 'orchestrator' as Actor },
    entries: [{ type: 'attempt.closed', data: { outcome: { kind: 'cancelled', reason: 'asked' } } }],
  });
  expect(closed.kind).toBe('appended');
  await running;
  expect(await outcomeOf(attempt)).toEqual({ kind: 'cancelled', reason: 'asked' });
});

test('past its deadline an attempt fails with time', async () => {
  const attempt = await open('Slow to its end', implement, 2_500);
  await runAttempt(await newRunner(), attempt, never);
  expect(await outcomeOf(attempt)).toMatchObject({ kind: 'failed', code: 'time', retryable: false });
});

const sayFactory = async (type: 'factory.halted' | 'factory.resumed', scope: HaltScope) => {
  const stream = streamOf.factory();
  const version = (await trail.read(stream)).at(-1)?.envelope.version ?? 0;
  const appended = await trail.append({
    ...{ stream, expectedVersion: version, actor: 'per_annannann' as Actor },
    entries: [{ type, data: { scope, reason: 'too dear' } }],
  });
  expect(appended.kind).toBe('appended');
};

const PAYMENTS = UnitName.parse('payments');
/** The repository that everything here is of was added, and moved there. */
const ofUnit = async (unit: UnitName) => {
  const repo = RepoName.parse('sum');
  const appended = await trail.append({
    ...{ stream: streamOf.repo(repo), expectedVersion: 0, actor: 'per_annannann' as Actor },
    entries: [
      { type: 'repo.added', data: { repo, url: '/srv/sum.git', branch: 'main', deliver: 'merge' } },
      { type: 'repo.moved', data: { repo, unit, reason: 'it adds up the money' } },
    ],
  });
  expect(appended.kind).toBe('appended');
};

const HALTS: [string, string, HaltScope][] = [
  ['the factory, in a tool', 'Slow under a halt', { kind: 'factory' }],
  ['its repository, between turns', 'Triple under a halt', { kind: 'repo', repo: RepoName.parse('sum') }],
  ['its unit, between turns', 'Triple in a halted unit', { kind: 'unit', unit: PAYMENTS }],
  ['its model, between turns', 'Triple by a halted model', { kind: 'model', model: 'recorded/implement' }],
  ['stages, in a tool', 'Slow stage', { kind: 'action', action: 'stage' }],
];
/** What a halt of each kind holds is told without an engine, by `halt.test.ts` of the domain. */
const isLong = ([of]: (typeof HALTS)[number]) =>
  !['the factory, in a tool', 'its unit, between turns'].includes(of);
const HALTED = 'a halt of %s ends what runs, settled; the attempt waits unclaimed, and goes on where it was';
test.for(HALTS.filter((halt) => !isLong(halt)))(HALTED, isHalted);
test.for(HALTS.filter(isLong))(HALTED, { tags: ['long'] }, isHalted);
async function isHalted([_, title, scope]: (typeof HALTS)[number]): Promise<void> {
  if (scope.kind === 'unit') await ofUnit(scope.unit);
  const attempt = await open(title, implement);
  const runner = await newRunner();
  const slow = title.startsWith('Slow');
  let halted: Promise<void> | null = null;
  const noting: Runner = {
    ...runner,
    note: (event, { text }) => {
      if (event === 'activity' && String(text).includes('turn 2'))
        halted ??= sayFactory('factory.halted', scope);
    },
  };
  const running = runAttempt(noting, attempt, never);
  if (slow) {
    await expect
      .poll(async () => (await entriesOf(attempt)).length, { timeout: 60_000 })
      .toBeGreaterThanOrEqual(4);
    await sayFactory('factory.halted', scope);
  }
  await running;
  await halted;
  // Nobody has it, nothing of it runs, every call that was made has its outcome in the ledger.
  expect(await outcomeOf(attempt)).toBeNull();
  expect((await trail.heldClaims()).filter((one) => one.attempt === attempt)).toEqual([]);
  const label = [`millwright.factory=${FACTORY}`, `millwright.attempt=${attempt}`];
  expect(await sandboxes.engine.docker.listContainers({ all: true, filters: { label } })).toEqual([]);
  expect((await ledger.budget.list()).filter((line) => line.reservedUsd > 0)).toEqual([]);

  const before = await entriesOf(attempt);
  await runAttempt(noting, attempt, never);
  expect(await entriesOf(attempt)).toEqual(before);

  await sayFactory('factory.resumed', scope);
  if (slow) {
    // It would sleep on: that it is taken up is all that is to be seen.
    const stop = new AbortController();
    const again = runAttempt(runner, attempt, stop.signal);
    await expect
      .poll(async () => (await entriesOf(attempt)).filter((one) => one?.type === 'attempt.claimed').length, {
        timeout: 60_000,
      })
      .toBe(2);
    stop.abort(new Error('seen'));
    await again;
    return;
  }
  await runAttempt(runner, attempt, never);
  await artifactOf(attempt);
  const turns = (await entriesOf(attempt)).flatMap((one) =>
    one?.type === 'turn.recorded' ? [one.data.turn] : [],
  );
  expect(turns).toEqual([1, 2, 3]);
}

test('a new attempt asks no model that is halted', async () => {
  const attempt = await open('Triple never asked', implement);
  const scope: HaltScope = { kind: 'model', model: 'recorded/implement' };
  await sayFactory('factory.halted', scope);
  await runAttempt(await newRunner(), attempt, never);
  const types = (await entriesOf(attempt)).map((one) => one?.type);
  expect(types).not.toContain('turn.asked');
  expect(types).not.toContain('attempt.closed');
  await sayFactory('factory.resumed', scope);
});
