import { openRunnerTrail } from '@millwright/audit';
import {
  AcceptanceChecks,
  type Actor,
  AttemptId,
  type AttemptOutcome,
  type AttemptPause,
  AttemptSpec,
  Blocked,
  ChangeSet,
  type Clock,
  type Digest,
  GitSha,
  getJson,
  HandedOver,
  Noticed,
  noUsage,
  Plan,
  putJson,
  type Queue,
  Release,
  Review,
  RunnerName,
  type RunnerSaid,
  type SpecOf,
  TestReport,
  testReport,
  Unfinished,
  VERSION,
  type Verdict,
} from '@millwright/domain';
import { openStore, type Store } from '@millwright/store';
import { z } from 'zod';
import type { Repository } from '../source-control/repository.ts';

/** A turn as a runner keeps it. */
const Record = z.object({ assistant: z.array(z.unknown()), results: z.array(z.unknown()) });
const said = (role: string): z.infer<typeof Record> => ({
  assistant: [{ type: 'text', text: `Does ${role}.` }],
  results: [{ type: 'tool_result', content: 'x'.repeat(400) }],
});

type Files = Record<string, string | Uint8Array | null>;
/** Handed in instead of a change; `files` are kept of what is unfinished. */
type None = { blocked: string } | { unfinished: string; files: Files };
type Made = Files | None;
const isNone = (made: Made): made is None => 'blocked' in made || 'unfinished' in made;

/** What the scripted runner answers, a role each; the change is made by editing files of the start tree in the factory's own bare copy. */
export type Script = {
  plan?: (spec: SpecOf<'plan'>) => Plan;
  /** Path → text (null deletes), on top of the start tree; `message` is what its message says besides. */
  implement?: (spec: SpecOf<'implement'>) => Made | Promise<Made>;
  review?: (spec: SpecOf<'review'>) => 'approve' | 'request_changes';
  /** What each review finds besides. */
  findings?: Review['findings'];
  /** Of a tree; the checks are written by themselves. */
  test?: (spec: SpecOf<'test'> & { tree: GitSha }) => Verdict | TestReport | Promise<Verdict | TestReport>;
  /** What the tester hands in; none where it is not said. */
  checks?: (spec: SpecOf<'test'>) => AcceptanceChecks['checks'];
  /** What the report says beside its verdict. */
  report?: Partial<TestReport>;
  release?: (spec: SpecOf<'deploy'>) => Release;
  /** The stage is over before the work is: what the attempt leaves to the next. */
  over?: (spec: AttemptSpec) => string | null;
  /** What an agent notices beside its task. */
  noticed?: (spec: AttemptSpec) => string[];
  /** The budget that an attempt waits for after its turn; null: it needs none. */
  pause?: (spec: AttemptSpec) => AttemptPause | null;
};

type Deps = {
  runnerUrl: string;
  store: Store;
  queue: Queue;
  clock: Clock;
  repository: () => Promise<Repository>;
  script: Script;
};

/** Stands in for apps/sandbox-runner behind the same door: claims attempts as the runner's role, and hands back artifacts. No model, no Docker. */
export async function scriptedRunner(deps: Deps): Promise<{
  stop(): Promise<void>;
  attempts: string[];
  /** What it says of itself, again every two seconds. */
  said: RunnerSaid;
  sayItself(): Promise<void>;
}> {
  const { store, clock, queue } = deps;
  const trail = await openRunnerTrail({ url: deps.runnerUrl, clock, incarnation: 'scripted' });
  const attempts: string[] = [];
  const name = RunnerName.parse('scripted');
  const machine = { concurrency: 4, platform: 'linux', arch: 'x64', since: clock.now() };
  const itself: RunnerSaid = { name, incarnation: name, version: VERSION, labels: [], ...machine };
  const own = openStore({ url: deps.runnerUrl, maxConnections: 1 });
  const sayItself = () => own.notes.say(`runner/${name}`, JSON.stringify(itself));
  await sayItself();
  // As a runner does it: what is beside the trail is lost with a database that crashes.
  const saying = setInterval(() => void sayItself().catch(() => undefined), 2_000);
  const work = await queue.work(
    'attempts',
    4,
    async (id) => {
      const claim = await trail.claim(AttemptId.parse(id));
      if (claim.kind !== 'claimed') return;
      const stream = trail.stream(claim);
      const past = await stream.read();
      const opened = past.flatMap(({ entry }) => (entry?.type === 'attempt.opened' ? [entry.data] : []))[0];
      if (!opened) return;
      const spec = await getJson(store.artifacts, AttemptSpec, opened.spec);
      attempts.push(spec.role === 'test' && spec.tree === null ? 'checks' : spec.role);
      const turn = {
        turn: 1,
        record: await putJson(store.artifacts, Record, said(spec.role)),
        workspace: null,
        model: 'recorded/test',
        usage: { ...noUsage(), inputTokens: 10, usd: 0.01 },
        action: `does ${spec.role}`,
      };
      // A turn that is recorded is not paid for again.
      if (!past.some(({ entry }) => entry?.type === 'turn.recorded')) {
        const call = `${spec.attempt}/${claim.fence}/1/1`;
        await store.budget.reserve(call, spec.budgets, 0.05);
        await store.budget.settle(call, turn.usage.usd);
        await stream.append(`agent/${spec.role}` as Actor, [
          { type: 'turn.asked', data: { turn: turn.turn, model: turn.model } },
          { type: 'turn.recorded', data: turn },
        ]);
      }
      const pause = deps.script.pause?.(spec) ?? null;
      if (pause !== null) {
        await stream.append('runner/scripted' as Actor, [{ type: 'attempt.paused', data: pause }]);
        await stream.release();
        return;
      }
      const note = deps.script.over?.(spec) ?? null;
      if (note !== null) {
        const on = spec.role === 'implement' ? spec.start : spec.baseTree;
        const kept = await store.artifacts.put(new TextEncoder().encode(note));
        const handedOver = await putJson(store.artifacts, HandedOver, { note, workspace: { kept, on } });
        const reason = "the stage's limit of turns is reached";
        const over: AttemptOutcome = { kind: 'failed', code: 'turns', retryable: false, handedOver, reason };
        await stream.append('runner/scripted' as Actor, [
          { type: 'attempt.closed', data: { outcome: over } },
        ]);
        return;
      }
      const faults = deps.script.noticed?.(spec) ?? [];
      const beside =
        faults.length === 0 ? {} : { noticed: await putJson(store.artifacts, Noticed, { faults }) };
      const outcome: AttemptOutcome = { kind: 'done', artifact: await artifactOf(deps, spec), ...beside };
      await stream.append('runner/scripted' as Actor, [{ type: 'attempt.closed', data: { outcome } }]);
    },
    () => undefined,
  );
  return {
    attempts,
    said: itself,
    sayItself,
    stop: async () => {
      clearInterval(saying);
      await Promise.all([work.stop(), own.close()]);
      await trail.close();
    },
  };
}

/** What the script has for it. */
export async function artifactOf(
  { store, script, repository }: Pick<Deps, 'script' | 'repository'> & { store: Pick<Store, 'artifacts'> },
  spec: AttemptSpec,
): Promise<Digest> {
  // A runner knows no secret's value.
  const { mask: _values, ...artifacts } = store.artifacts;
  switch (spec.role) {
    case 'plan':
      return putJson(
        artifacts,
        Plan,
        script.plan?.(spec) ?? {
          kind: 'tasks',
          summary: 'do it',
          tasks: [{ id: 'a', title: 'a', instructions: 'do', dependsOn: [], acceptance: [] }],
        },
      );
    case 'implement': {
      const repo = await repository();
      const changeOf = async (tree: GitSha) => ({
        baseTree: spec.from,
        tree,
        patch: await artifacts.put(await repo.diff(spec.from, tree)),
        patchId: await repo.patchId(spec.from, tree),
        paths: await repo.changed(spec.from, tree),
      });
      const made = (await script.implement?.(spec)) ?? { 'new.txt': 'new\n' };
      if (isNone(made)) {
        if ('blocked' in made)
          return putJson(artifacts, Blocked, { kind: 'blocked', summary: 'Looked.', reason: made.blocked });
        const tree = await edited(repo, spec.start, made.files);
        return putJson(artifacts, Unfinished, {
          kind: 'unfinished',
          summary: `Wrote ${Object.keys(made.files).join(', ')}.`,
          open: made.unfinished,
          change: tree === spec.from ? null : await changeOf(tree),
        });
      }
      const { message = '', ...files } = made;
      const tree = await edited(repo, spec.start, files);
      return putJson(artifacts, ChangeSet, {
        summary: `Attempt ${spec.feedback.length + 1}.`,
        commitMessage: `${spec.ticket.title}\n\nMade in attempt ${spec.feedback.length + 1}. ${message}`,
        ...(await changeOf(tree)),
      });
    }
    case 'review':
      return putJson(artifacts, Review, {
        patchId: spec.patchId,
        verdict: script.review?.(spec) ?? 'approve',
        summary: '',
        findings: script.findings ?? [],
      });
    case 'test': {
      const { tree } = spec;
      if (tree === null)
        return putJson(artifacts, AcceptanceChecks, {
          ...{ summary: '', checks: script.checks?.(spec) ?? [], files: null },
        });
      const verdict = (await script.test?.({ ...spec, tree })) ?? 'passed';
      const said = typeof verdict === 'string' ? report(tree, verdict) : { ...verdict, tree };
      return putJson(artifacts, TestReport, { ...said, checks: spec.checks, ...script.report });
    }
    case 'deploy': {
      if (!script.release) throw new Error('this script makes no release');
      return putJson(artifacts, Release, script.release(spec));
    }
  }
}

export const report = (tree: GitSha, verdict: Verdict): TestReport =>
  testReport({
    ...{ tree, verdict, reason: verdict, runner: 'node', followed: 'proven' },
    names: { base: 1, reported: 1, missing: [], failing: [], failingOnBase: [], turned: [] },
  });

/** The tree with these files, made by two processes: each costs as much as all the rest. */
async function edited(
  repo: Repository,
  tree: string,
  files: Record<string, string | Uint8Array | null>,
): Promise<GitSha> {
  const ref = `refs/scripted/${Math.random().toString(36).slice(2)}`;
  const head = [`commit ${ref}`, 'committer t <t@localhost> 0 +0000', 'data 0', `M 040000 ${tree} ""`];
  const parts = Object.entries(files).flatMap(([path, content]) => {
    if (content === null) return [Buffer.from(`D ${JSON.stringify(path)}\n`)];
    const bytes = Buffer.from(content);
    const file = `M 100644 inline ${JSON.stringify(path)}\ndata ${bytes.length}\n`;
    return [Buffer.from(file), bytes, Buffer.from('\n')];
  });
  const input = Buffer.concat([Buffer.from(`${head.join('\n')}\n`), ...parts]);
  await repo.git.must(['fast-import', '--quiet'], { input });
  return GitSha.parse(await repo.git.text(['rev-parse', `${ref}^{tree}`]));
}
