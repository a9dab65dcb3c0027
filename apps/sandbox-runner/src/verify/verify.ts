import { randomBytes } from 'node:crypto';
import {
  type AcceptanceChecks,
  type ChangedPath,
  type CommandResult,
  type Digest,
  type GitSha,
  type RepoConfig,
  retryable,
  sendsBack,
  type TestReport,
  testReport,
} from '@millwright/domain';
import { listCheckout, readCheckout } from '@millwright/sandbox';
import { runAcceptance } from './acceptance.ts';
import { type Canary, canCarry, type KnownRunner, makeCanary } from './canary.ts';
import { parseManifest, type TestCommand, testCommand } from './command.ts';
import {
  type BaseFacts,
  filesOf,
  type Judgement,
  judge,
  judgeByExitCode,
  learnBase,
  outcomesOf,
} from './judge.ts';
import type { Laying } from './lay.ts';
import { factsOfPassed, type Passed } from './next-base.ts';
import { isTestConfig, mergeManifest, planOverlay } from './overlay.ts';
import { type Prepared, runSuite, type Where } from './suite.ts';

export type Acceptance = { checks: AcceptanceChecks; digest: Digest; files: Uint8Array | null };

export type VerifyInput = {
  config: RepoConfig;
  tree: GitSha;
  base: Prepared;
  candidate: Prepared;
  changed: readonly ChangedPath[];
  /** May still be being written while the suite runs. */
  acceptance: Acceptance | Promise<Acceptance> | null;
  /** Milliseconds that one run of the test command may take. */
  timeoutMs: number;
  signal?: AbortSignal;
};

/** Remembers what a base's runs taught, by a key that names tree, dependencies, image and command. */
export type BaseMemory = {
  get(key: string): Promise<BaseFacts | null>;
  set(key: string, facts: BaseFacts): Promise<void>;
  /** Who learns what now, by key. */
  readonly learning: Map<string, Promise<BaseFacts>>;
};

const MAX_FILES = 200_000;
const MAX_CONFIG = 4 * 1024 * 1024;
const BASE_SESSIONS = 8;
const NOTHING: Laying = { remove: [], write: [], append: [] };
const TEST_LIKE = /(^|[/._-])(tests?|specs?|__tests__)([/._-]|$)/i;

const word = () => `q${randomBytes(8).toString('hex')}`;
const canariesFor = (files: Readonly<Record<string, KnownRunner>>): (Canary & { runner: KnownRunner })[] =>
  Object.entries(files)
    .filter(([file]) => canCarry(file))
    .map(([file, runner]) => ({ ...makeCanary(file, word), runner }));

/**
 * Runs the repository's own tests on the exact candidate tree in fresh containers and computes the verdict outside; then the base's copies of
 * the test files that the change touched; beside them, the acceptance checks. Throws only when the engine fails or `signal` is aborted.
 */
export async function verify(where: Where, memory: BaseMemory, input: VerifyInput): Promise<TestReport> {
  const command = testCommand(input.config, parseManifest(await manifestOf(input.base)));
  const parts = [
    command.kind === 'none' ? Promise.resolve(nothingToRun()) : verifySuite(where, memory, input, command),
    accept(where, input),
  ] as const;
  // Both, whatever becomes of one: nothing of them goes on behind the caller.
  await Promise.allSettled(parts);
  const [suite, { written, acceptance }] = await Promise.all(parts);
  const unmet = acceptance.filter(({ result }) => result.exitCode !== 0);
  const said = suite.judgement;
  const [first] = unmet;
  const verdict = !sendsBack(said.verdict) && first !== undefined ? 'failed' : said.verdict;
  const reason =
    first === undefined
      ? said.reason
      : `${said.verdict === 'passed' ? '' : `${said.reason} `}${unmet.length} of ${acceptance.length} acceptance checks failed: "${first.acceptance.slice(0, 300)}".`;
  const known = said.runner !== 'none' && said.runner !== 'unknown';
  return testReport({
    ...{ tree: input.tree, verdict, reason: reason.slice(0, 4_000), runner: said.runner, names: said.names },
    followed: known ? 'proven' : said.runner === 'none' ? 'not_run' : 'by_exit_code',
    ...{
      suite: suite.result,
      baseTests: suite.baseTests,
      acceptance,
      checks: written?.digest ?? null,
    },
  });
}

/** The tester's checks, as soon as they are written. */
async function accept(where: Where, { acceptance, candidate, timeoutMs, signal }: VerifyInput) {
  const written = await acceptance;
  if (written === null) return { written, acceptance: [] };
  const options = { checks: written.checks.checks, files: written.files, timeoutMs };
  const given = signal === undefined ? options : { ...options, signal };
  return { written, acceptance: await runAcceptance(where, candidate, given) };
}

type SuiteVerdict = {
  judgement: Judgement;
  result: CommandResult | null;
  baseTests: TestReport['baseTests'];
};

const nothingToRun = (): SuiteVerdict => ({
  judgement: {
    verdict: 'no_tests',
    reason: 'The base has no test command: no tests were run.',
    runner: 'none',
    names: { base: 0, reported: 0, missing: [], failing: [], failingOnBase: [], turned: [] },
  },
  result: null,
  baseTests: { files: [], failing: [], result: null },
});

async function verifySuite(
  where: Where,
  memory: BaseMemory,
  input: VerifyInput,
  command: Extract<TestCommand, { kind: 'command' }>,
): Promise<SuiteVerdict> {
  const facts = await learn(where, memory, input, command);
  const laying = await overlay(input.base, input.candidate);
  const run = (purpose: string, extra: Laying, canaries: (Canary & { runner: KnownRunner })[]) =>
    runSuite(where, input.candidate, {
      ...{ purpose, command, canaries, timeoutMs: input.timeoutMs, sessions: Math.max(1, facts.sessions) },
      laying: {
        remove: [...laying.remove, ...extra.remove],
        write: [...laying.write, ...extra.write],
        append: extra.append,
      },
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    });
  const keep = async (passed: Omit<Passed, 'candidate' | 'laying'>) => {
    const learned = await factsOfPassed({ ...passed, candidate: input.candidate, laying });
    const own = testCommand(input.config, parseManifest(await manifestOf(input.candidate)));
    if (learned !== null && own.kind === 'command')
      await memory.set(keyOf(where, input.candidate, own), learned);
  };
  if (facts.runner === 'unknown') {
    const observed = await run('verify', NOTHING, []);
    const judgement = judgeByExitCode(facts, observed.run);
    await keep({ judgement, observed, canaried: null, canaries: [] });
    return { judgement, result: observed.result, baseTests: noBaseTests };
  }
  const there = new Set((await listCheckout(input.candidate.checkout, MAX_FILES)).paths);
  const { runner } = facts;
  const added = input.changed
    .map(({ path }) => path)
    .filter((path) => there.has(path) && TEST_LIKE.test(path) && !(path in facts.files));
  const files = {
    ...Object.fromEntries(added.map((path) => [path, runner])),
    ...Object.fromEntries(Object.entries(facts.files).filter(([path]) => there.has(path))),
  };
  const canaries = canariesFor(files);
  // Side by side, and all of them whatever becomes of one: nothing goes on behind the caller.
  const runs = [
    run('verify', NOTHING, []),
    run('verify-canary', NOTHING, canaries),
    runBaseTests(input, facts, (write) => run('verify-base', { ...NOTHING, write }, [])),
  ] as const;
  await Promise.allSettled(runs);
  const [observed, canaried, baseTests] = await Promise.all(runs);
  const judgement = judge(facts, observed.run, canaried.run, canaries);
  await keep({ judgement, observed, canaried, canaries });
  return { judgement, result: observed.result, baseTests };
}

const noBaseTests: TestReport['baseTests'] = { files: [], failing: [], result: null };

/** The base's own copies of the test files that the change touched, run against the candidate: a fact, not a verdict. */
async function runBaseTests(
  input: VerifyInput,
  facts: BaseFacts,
  run: (write: Laying['write']) => ReturnType<typeof runSuite>,
): Promise<TestReport['baseTests']> {
  const touched = new Set(input.changed.filter((c) => c.status !== 'added').map((c) => c.path));
  const files = Object.keys(facts.files).filter((file) => touched.has(file));
  if (files.length === 0) return noBaseTests;
  const { run: ran, result } = await run(await readAll(input.base, files));
  const seen = outcomesOf(ran);
  const failing = facts.outcomes
    .filter((o) => o.state === 'pass' && files.includes(o.file))
    .filter((o) => !seen.some((s) => s.name === o.name && s.file === o.file && s.state === 'pass'))
    .map((o) => o.name);
  return { files, failing: [...new Set(failing)], result };
}

const keyOf = (where: Where, on: Prepared, { script }: { script: string }): string =>
  JSON.stringify([on.checkout.tree, on.layer?.key ?? '', on.image ?? where.sandboxes.image, script]);

/** What the base teaches, learned once a key: who needs it while another learns it waits for that one, and learns it alone where that one did not. */
async function learn(
  where: Where,
  memory: BaseMemory,
  input: VerifyInput,
  command: Extract<TestCommand, { kind: 'command' }>,
): Promise<BaseFacts> {
  const key = keyOf(where, input.base, command);
  const known = await memory.get(key);
  if (known !== null) return known;
  const other = memory.learning.get(key);
  if (other !== undefined) {
    await settled(other, input.signal);
    const learned = await memory.get(key);
    if (learned !== null) return learned;
  }
  const mine = runBase(where, memory, input, command, key);
  memory.learning.set(key, mine);
  return mine.finally(() => {
    if (memory.learning.get(key) === mine) memory.learning.delete(key);
  });
}

/** Resolves when `work` has ended either way; throws the signal's reason when that comes first. */
async function settled(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal?.reason);
  signal?.addEventListener('abort', stop);
  try {
    await Promise.race([Promise.allSettled([work]), stopped.promise]);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Runs the base twice: to learn its names, and which of its test files can carry canaries. */
async function runBase(
  where: Where,
  memory: BaseMemory,
  input: VerifyInput,
  command: Extract<TestCommand, { kind: 'command' }>,
  key: string,
): Promise<BaseFacts> {
  const { base } = input;
  const shared = {
    ...{ command, laying: NOTHING, timeoutMs: input.timeoutMs },
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  };
  const observed = await runSuite(where, base, {
    ...{ ...shared, purpose: 'verify-learn', canaries: [], sessions: BASE_SESSIONS },
  });
  const canaries = canariesFor(filesOf(observed.run));
  const sessions = Math.max(1, observed.run.sessions.length);
  const canaried =
    canaries.length === 0
      ? { run: { end: observed.run.end, sessions: [] } }
      : await runSuite(where, base, { ...shared, purpose: 'verify-learn-canary', canaries, sessions });
  const facts = learnBase(observed.run, canaried.run, canaries);
  // A run that the machine cut short taught nothing worth keeping.
  if (observed.run.end.kind === 'exited' && canaried.run.end.kind === 'exited') await memory.set(key, facts);
  return facts;
}

async function manifestOf(of: Prepared): Promise<string | null> {
  const { paths } = await listCheckout(of.checkout, MAX_FILES);
  return paths.includes('package.json') ? readText(of, 'package.json') : null;
}

/** What of the base's test configuration is laid over the candidate. */
async function overlay(base: Prepared, candidate: Prepared): Promise<Laying> {
  const [there, here] = await Promise.all([
    listCheckout(base.checkout, MAX_FILES),
    listCheckout(candidate.checkout, MAX_FILES),
  ]);
  const plan = planOverlay(
    there.paths,
    here.paths.filter((path) => isTestConfig(path) || path.endsWith('package.json')),
  );
  const write = await readAll(base, plan.restore);
  for (const path of plan.merge) {
    const [from, to] = await Promise.all([readText(base, path), readText(candidate, path)]);
    const merged = mergeManifest(from, to);
    if (merged !== null) write.push({ path, bytes: new TextEncoder().encode(merged) });
  }
  return { remove: plan.remove, write, append: [] };
}

async function readAll(
  from: Prepared,
  paths: readonly string[],
): Promise<{ path: string; bytes: Uint8Array }[]> {
  return Promise.all(
    paths.map(async (path) => {
      const bytes = await readCheckout(from.checkout, path, MAX_CONFIG);
      // Listed a moment ago. To go on without it would be to run another configuration, or none.
      if (bytes === null) throw retryable('checkout-lost', `${path} of ${from.checkout.tree} cannot be read`);
      return { path, bytes };
    }),
  );
}

async function readText(from: Prepared, path: string): Promise<string> {
  const [file] = await readAll(from, [path]);
  return new TextDecoder().decode(file?.bytes);
}
