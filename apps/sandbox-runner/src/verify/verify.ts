import {
  type AcceptanceChecks,
  type ChangedPath,
  type CommandResult,
  type Digest,
  GitSha,
  type RepoConfig,
  sendsBack,
  type TestDoubt,
  type TestReport,
  type Ticket,
  testReport,
  uncounted,
} from '@millwright/domain';
import type { Canary, TestCommand, Toolchain } from '@millwright/toolchains';
import { runAcceptance } from './acceptance.ts';
import { type BaseInputs, baseInputs, reconfigured, restoring } from './base-inputs.ts';
import { type BaseMemory, memoryKey } from './base-memory.ts';
import {
  type ChangeParts,
  emptiedTests,
  mutantsOf,
  ownTestsOf,
  partsOf,
  reverted,
  testDoubts,
  tryMutants,
  withMutant,
} from './change-tests.ts';
import { groupFailures, withoutPassing } from './failures.ts';
import { combined, type HarnessPlan, NOTHING } from './harness-plan.ts';
import {
  type BaseFacts,
  exitOf,
  type Judgement,
  judge,
  judgeByExitCode,
  outcomesOf,
  testFilesOf,
  unsteadyOf,
} from './judge.ts';
import { canariesFor, canaryPlan, learnBase, run, type Subject, spoiling } from './learn-base.ts';
import { factsOfPassed } from './next-base.ts';
import type { Outcome } from './report.ts';
import type { Prepared, RanSuite, Where } from './run-suite.ts';
import { stepsBesideBase } from './steps.ts';
import { speaksOfTests } from './ticket-words.ts';
import { filesOf, listEntries, readEntry } from './tree-entries.ts';
import { withChecks } from './with-checks.ts';

export type Acceptance = { checks: AcceptanceChecks; digest: Digest; files: Uint8Array | null };

export type VerifyInput = {
  toolchain: Toolchain;
  config: RepoConfig;
  tree: GitSha;
  base: Prepared;
  candidate: Prepared;
  changed: readonly ChangedPath[];
  /** What the change is to do; null where no change is judged but a build of one that was. */
  ticket: Ticket | null;
  /** It is a part of what the ticket asks for, judged by itself: it need not mend a bug alone. */
  part?: boolean;
  acceptance: Acceptance | null;
  /** Milliseconds that one run of the test command may take. */
  timeoutMs: number;
  signal?: AbortSignal;
};

type Command = Extract<TestCommand, { kind: 'command' }>;

/**
 * Runs the repository's own tests on the exact candidate tree in fresh containers and computes the verdict outside; beside them the base's
 * copies of the tests that the change touched, the change's tests on the base's code, small faults in the changed lines, and the acceptance
 * checks. Throws only when the engine fails or `signal` is aborted.
 */
export async function verify(where: Where, memory: BaseMemory, input: VerifyInput): Promise<TestReport> {
  const files = await filesOf(input.base.checkout, input.toolchain);
  const command = await input.toolchain.testCommand(input.config, files);
  const accepted = accept(where, input);
  const parts = [
    command.kind === 'none'
      ? withoutCommand(input)
      : new Suite(where, memory, input, command, accepted).verdict(),
    accepted,
  ] as const;
  // Both, whatever becomes of one: nothing of them goes on behind the caller.
  await Promise.allSettled(parts);
  const [suite, { written, acceptance }] = await Promise.all(parts);
  const doubts = [...compromised(input), ...suite.doubts].slice(0, 100);
  const ofChecks = { ...suite, doubts, acceptance, checks: written?.digest ?? null };
  return withChecks(ofChecks, { bug: input.ticket?.kind === 'bug' && input.part !== true });
}

/** What is installed otherwise than asked for since the change: what the base does already is its own affair, and the seats are told. */
const compromised = ({ base, candidate }: VerifyInput): TestDoubt[] =>
  candidate.compromise == null || base.compromise != null
    ? []
    : [
        {
          code: 'peers-at-odds',
          text: `asks for packages that were not installed as they stand, but ${candidate.compromise}`,
        },
      ];

/** Learns what the base's own tests say before there is a change to judge, so that its verdict does not wait for it. */
export async function learnAhead(
  where: Where,
  memory: BaseMemory,
  input: Pick<VerifyInput, 'toolchain' | 'config' | 'base' | 'timeoutMs' | 'signal'>,
): Promise<void> {
  const { base, toolchain, config } = input;
  const command = await toolchain.testCommand(config, await filesOf(base.checkout, toolchain));
  if (command.kind === 'none') return;
  const alone = {
    ...input,
    tree: GitSha.parse(base.checkout.tree),
    candidate: base,
    changed: [],
    ticket: null,
  };
  const nothing = Promise.resolve({ written: null, acceptance: [] });
  await new Suite(where, memory, { ...alone, acceptance: null }, command, nothing).learn();
}

const checksOn = (
  where: Where,
  { toolchain, timeoutMs, signal }: VerifyInput,
  on: Prepared,
  { checks, files }: Acceptance,
  plan: HarnessPlan,
) =>
  runAcceptance(where, on, {
    ...{ toolchain, checks: checks.checks, files, plan, timeoutMs },
    ...(signal === undefined ? {} : { signal }),
  });

type Accepted = { written: Acceptance | null; acceptance: TestReport['acceptance'] };

/** The tester's checks, with what they say of the base. */
async function accept(where: Where, input: VerifyInput): Promise<Accepted> {
  const written = input.acceptance;
  if (written === null) return { written, acceptance: [] };
  const runs = [
    checksOn(where, input, input.candidate, written, NOTHING),
    checksOn(where, input, input.base, written, NOTHING),
  ] as const;
  await Promise.allSettled(runs);
  const [after, before] = await Promise.all(runs);
  const acceptance = written.checks.checks.flatMap(({ acceptance, kind = 'change' }, index) => {
    const [now, was] = [after[index], before[index]?.result];
    return now === undefined || was === undefined ? [] : [{ kind, ...now, acceptance, before: was }];
  });
  return { written, acceptance };
}

const withoutCommand = async (input: VerifyInput): Promise<TestReport> =>
  testReport({
    tree: input.tree,
    verdict: 'no_tests',
    reason: 'The base has no test command: no tests were run.',
    doubts: await marksOf(input),
  });

/** Lines of the change that speak to who runs them. */
async function marksOf({ toolchain, base, candidate, changed, ticket }: VerifyInput): Promise<TestDoubt[]> {
  if (ticket === null) return [];
  const doubts: TestDoubt[] = [];
  for (const { path } of changed) {
    if (!toolchain.isSource(path)) continue;
    const [before, after] = await Promise.all([
      readEntry(base.checkout, path),
      readEntry(candidate.checkout, path),
    ]);
    if (after?.kind !== 'file') continue;
    const text = (entry: typeof after) => new TextDecoder().decode(entry.bytes);
    doubts.push(...toolchain.marks(path, before?.kind === 'file' ? text(before) : null, text(after)));
  }
  return doubts;
}

/** More files than a report has room for are as good as none. */
const MOST_TEST_FILES = 10_000;
function testFilesAt({ followed, files }: BaseFacts): string[] | null {
  const paths = Object.keys(files);
  const known = followed === 'proven' || followed === 'by_name';
  return known && paths.length > 0 && paths.length <= MOST_TEST_FILES ? paths.sort() : null;
}

/** `red`: what fails on the base, and so with the base's own tests too. */
type BaseTests = { report: TestReport['baseTests']; red: ReadonlySet<string> };
const noBaseTests: BaseTests = { report: { files: [], failing: [], result: null }, red: new Set() };

/** The suite's part of a report. One object a verification, since its runs share base, command and what comes from the base. */
class Suite {
  readonly #where: Where;
  readonly #memory: BaseMemory;
  readonly #input: VerifyInput;
  readonly #command: Command;
  readonly #accepted: Promise<Accepted>;

  constructor(
    where: Where,
    memory: BaseMemory,
    input: VerifyInput,
    command: Command,
    accepted: Promise<Accepted>,
  ) {
    this.#where = where;
    this.#memory = memory;
    this.#input = input;
    this.#command = command;
    this.#accepted = accepted;
  }

  #on(on: Prepared): Subject {
    const { toolchain, timeoutMs, signal } = this.#input;
    return { toolchain, command: this.#command, on, timeoutMs, ...(signal === undefined ? {} : { signal }) };
  }

  #run(purpose: string, base: BaseFacts, plan: HarnessPlan, canary = false): Promise<RanSuite> {
    const mode = base.followed === 'by_exit_code' ? 'plain' : canary ? 'canary' : 'observe';
    return run(this.#where, this.#on(this.#input.candidate), {
      ...{ purpose, mode, plan, sessions: Math.max(1, base.sessions) },
    });
  }

  async verdict(): Promise<TestReport> {
    const { toolchain, config, base, candidate, changed, ticket } = this.#input;
    const files = await filesOf(base.checkout, toolchain);
    const facts = await this.learn();
    const { plan, doubts } = await baseInputs(toolchain, this.#command, {
      ...{ base: base.checkout, files, candidate: candidate.checkout, changed },
    });
    const of = { base: files, candidate: await filesOf(candidate.checkout, toolchain) };
    const otherwise =
      ticket === null ? [] : await reconfigured(toolchain, this.#command, config, { ...of, ticket });
    const inputs = { plan, doubts: [...otherwise, ...doubts] };
    return facts.followed === 'by_exit_code' ? this.#byExitCode(facts, inputs) : this.#byName(facts, inputs);
  }

  async #byName(facts: BaseFacts, inputs: BaseInputs): Promise<TestReport> {
    const { toolchain, candidate, ticket } = this.#input;
    const there = await listEntries(candidate.checkout, toolchain);
    const added = this.#input.changed
      .map(({ path }) => path)
      .filter((path) => there.get(path) === 'file' && toolchain.isTest(path) && !(path in facts.files));
    const files = {
      ...Object.fromEntries(added.map((path) => [path, facts.runner])),
      ...Object.fromEntries(Object.entries(facts.files).filter(([path]) => there.get(path) === 'file')),
    };
    const carrying = Object.keys(facts.carriers).length > 0;
    const loose = Object.values(facts.carriers).includes('around') && (await this.#hooksAssertions(facts));
    const canaries = canariesFor(toolchain, files, (file) =>
      file in facts.files
        ? loose && facts.carriers[file] === 'around'
          ? 'loose'
          : (facts.carriers[file] ?? null)
        : carrying || Object.keys(facts.files).length === 0
          ? 'after'
          : null,
    );
    const withOurs =
      canaries.length === 0 ? null : await canaryPlan(toolchain, candidate, canaries, inputs.plan);
    const ways = [
      () => this.#run('verify', facts, inputs.plan),
      ...(withOurs === null ? [] : [() => this.#run('verify-canary', facts, withOurs, true)]),
    ];
    const runAll = async (some: readonly (() => Promise<RanSuite>)[]) => {
      const begun = some.map((way) => way());
      // All of them whatever becomes of one: nothing goes on behind the caller.
      await Promise.allSettled(begun);
      return Promise.all(begun);
    };
    const once = await runAll(ways);
    const unsteady = unsteadyOf(
      facts,
      once.map(({ run: ran }) => ran),
      canaries,
    );
    const again = await runAll(ways.filter((_, nth) => unsteady.in.includes(nth)));
    const [observed, proven = observed] = once.map((ran, nth) => again[unsteady.in.indexOf(nth)] ?? ran);
    if (observed === undefined || proven === undefined) throw new Error('nothing ran');
    const mayGo = ticket !== null && speaksOfTests(ticket);
    const judgement = judge(facts, observed.run, proven.run, canaries, mayGo);
    if (again.length === 0) {
      const kept = { base: facts, judgement, observed, canaried: proven, canaries };
      await this.#keep(kept, inputs.plan);
      return this.#report(facts, inputs, judgement, observed, mayGo);
    }
    // What a lucky run teaches is no base to hold later changes against.
    const { failing } = judgement.names;
    const [first, ...more] = unsteady.names.filter((name) => !failing.includes(name));
    const doubt: TestDoubt = {
      code: 'unsteady-tests',
      text: `has ${more.length + 1} of its tests fail in one of two runs on its tree, and not when that was run again ("${first?.slice(0, 200)}")`,
    };
    const doubts = first === undefined ? inputs.doubts : [doubt, ...inputs.doubts];
    return this.#report(facts, { ...inputs, doubts }, judgement, observed, mayGo);
  }

  /** Whether a test that the change adds or changes may replace what would be frozen, and did not before. */
  async #hooksAssertions(facts: BaseFacts): Promise<boolean> {
    const { toolchain, base, candidate, changed } = this.#input;
    const [before, after] = await Promise.all([
      filesOf(base.checkout, toolchain),
      filesOf(candidate.checkout, toolchain),
    ]);
    for (const { path } of changed) {
      if (!(path in facts.files) && !toolchain.isAmongTests(path)) continue;
      const [was, is] = await Promise.all([before.read(path), after.read(path)]);
      if (toolchain.hooksAssertions(is ?? '') && !toolchain.hooksAssertions(was ?? '')) return true;
    }
    return false;
  }

  async #byExitCode(facts: BaseFacts, inputs: BaseInputs): Promise<TestReport> {
    const { toolchain, candidate } = this.#input;
    // Where the base fails it is not known whether it can; whatever makes it end well must be able to fail.
    const plan = facts.canFail === false ? null : await spoiling(toolchain, candidate, inputs.plan);
    const runs = [
      this.#run('verify', facts, inputs.plan),
      plan === null ? null : this.#run('verify-spoilt', facts, plan),
    ] as const;
    await Promise.allSettled(runs);
    const [observed, spoilt] = await Promise.all(runs);
    const judgement = judgeByExitCode(facts, observed.run, spoilt?.run ?? null);
    await this.#keep({ base: facts, judgement, observed, canaried: null, canaries: [] }, inputs.plan);
    return this.#report(facts, inputs, judgement, observed, true);
  }

  async #report(
    facts: BaseFacts,
    inputs: BaseInputs,
    judgement: Judgement,
    observed: RanSuite,
    mayGo: boolean,
  ): Promise<TestReport> {
    const { toolchain, base, changed } = this.#input;
    // What the base has is a test where the base's own run says so: the candidate's says what it likes.
    const there = await listEntries(base.checkout, toolchain);
    const fresh = Object.entries(testFilesOf(observed.run)).filter(([path]) => !there.has(path));
    const parts = partsOf({ toolchain }, changed, { ...facts.files, ...Object.fromEntries(fresh) });
    const [marks, further] = await Promise.all([
      marksOf(this.#input),
      sendsBack(judgement.verdict)
        ? { baseTests: noBaseTests, ownTests: null, mutants: null, emptied: [] }
        : this.#further(facts, inputs, parts, observed, judgement),
    ]);
    const { baseTests, ownTests, mutants, emptied } = further;
    const { failures, names, ...said } = judgement;
    const steps = stepsBesideBase(this.#command.steps, {
      ...{ passed: observed.passed, base: facts.passed },
      end: observed.run.end.kind === 'timed_out' ? 'did not end' : 'failed',
    });
    const fellBack: TestDoubt[] =
      said.fellBack === null
        ? []
        : [{ code: 'harness-fell-back', text: `is judged in a plainer way: ${said.fellBack}`.slice(0, 500) }];
    // A base that passes all the same is served well enough.
    const unfit: TestDoubt[] =
      facts.unfit === null || facts.plainExit === 0
        ? []
        : [
            {
              code: 'runtime-unfit',
              text: `runs where the base's tests do not pass: ${facts.unfit}`.slice(0, 500),
            },
          ];
    const changesCode = parts.sources.some(toolchain.isSource);
    const saysSame = changesCode && (await this.#onlyComments(parts.sources));
    const report = testReport({
      ...{ ...said, tree: this.#input.tree, baseTests: baseTests.report, ownTests, mutants },
      reason: (steps === null ? said.reason : `${said.reason} Step by step: ${steps}.`).slice(0, 4_000),
      names: {
        ...names,
        // Not what turns only behind something that the change put among the tests.
        turned: [
          ...new Set([
            ...names.turned.filter((name) => !baseTests.red.has(name)),
            // A test that only comments make pass says nothing of what the code does.
            ...(saysSame ? [] : (ownTests?.failing ?? [])),
          ]),
        ].slice(0, 200),
      },
      suite: shown(observed, judgement),
      testFiles: testFilesAt(facts),
      failures: groupFailures(failures),
      doubts: [
        ...fellBack,
        ...unfit,
        ...inputs.doubts,
        ...testDoubts(ownTests, mutants, changesCode),
        ...marks,
      ].slice(0, 100),
    });
    if (emptied.length === 0 || mayGo) return report;
    return {
      ...report,
      verdict: 'failed',
      reason: `${emptied.length} ${emptied.length === 1 ? 'test was' : 'tests were'} made to say less: as the base has ${emptied.length === 1 ? 'it, it fails' : 'them, they fail'} on this change, and as changed ${emptied.length === 1 ? 'it passes' : 'they pass'} with the old code and the new ("${emptied[0]?.slice(0, 200)}"); the ticket does not speak of changing tests.`,
    };
  }

  /** Whether nothing of these sources changes but comments. */
  async #onlyComments(sources: readonly string[]): Promise<boolean> {
    const { toolchain, base, candidate } = this.#input;
    for (const path of sources) {
      const [before, after] = await Promise.all([
        readEntry(base.checkout, path),
        readEntry(candidate.checkout, path),
      ]);
      if (!toolchain.isSource(path) || before?.kind !== 'file' || after?.kind !== 'file') return false;
      const text = (entry: typeof after) => new TextDecoder().decode(entry.bytes);
      if (!toolchain.sameCode(path, text(before), text(after))) return false;
    }
    return true;
  }

  /** What is only worth running where the change is not sent back already. */
  async #further(
    facts: BaseFacts,
    inputs: BaseInputs,
    parts: ChangeParts,
    observed: RanSuite,
    judgement: Judgement,
  ) {
    const { base, candidate, changed, ticket, toolchain } = this.#input;
    const theirs = await this.#theirs(facts);
    const own = changed.filter(({ path }) => path in facts.files || toolchain.isAmongTests(path));
    const code = parts.sources.filter((path) => !theirs.has(path));
    const runs = [
      this.#baseTests(facts, inputs, own),
      theirs.size === 0
        ? noBaseTests
        : this.#baseTests(facts, inputs, [...own, ...changed.filter(({ path }) => theirs.has(path))]),
      ticket === null || parts.tests.length === 0 || parts.sources.length === 0
        ? null
        : this.#run('verify-old-code', facts, await reverted(base, parts.sources, inputs.plan)),
      ticket === null || judgement.verdict !== 'passed'
        ? null
        : tryMutants(
            this.#where,
            this.#on(candidate),
            await mutantsOf(this.#on(candidate), base, candidate, parts),
            {
              ...{ plan: inputs.plan, observed, base: facts },
              byChecks: (mutant) => this.#checksNotice(withMutant(NOTHING, mutant)),
            },
          ),
    ] as const;
    await Promise.allSettled(runs);
    const [baseTests, withTheirs, old, mutants] = await Promise.all(runs);
    const ownTests = old === null ? null : ownTestsOf(facts, parts, observed.run, old.run);
    const { failing } = baseTests.report;
    const emptied = old === null ? [] : emptiedTests(failing, observed.run, old.run);
    // What fails with what is theirs alone: that stands with the changed tests then, and the rest is the old code.
    const further = withTheirs.report.failing.filter((name) => !failing.includes(name));
    if (further.length > 0 && code.length > 0 && ticket !== null && facts.followed !== 'by_exit_code') {
      const helped = await this.#run('verify-old-code', facts, await reverted(base, code, inputs.plan));
      emptied.push(...emptiedTests(further, observed.run, helped.run));
    }
    const report = {
      files: [...new Set([...baseTests.report.files, ...withTheirs.report.files])].slice(0, 1_000),
      failing: [...failing, ...further],
      result: baseTests.report.result ?? withTheirs.report.result,
    };
    return { baseTests: { ...baseTests, report }, ownTests, mutants, emptied };
  }

  /**
   * What the change touches outside of the tests that may be theirs. It is guessed from names, so it only ever adds a run: what the tests say
   * without it counts all the same.
   */
  async #theirs(facts: BaseFacts): Promise<ReadonlySet<string>> {
    const { toolchain, base, changed } = this.#input;
    const files = await filesOf(base.checkout, toolchain);
    const there = new Set(files.paths);
    const touched = changed.filter(
      ({ path }) => there.has(path) && !(path in facts.files) && !toolchain.isAmongTests(path),
    );
    if (touched.length === 0) return new Set();
    const all = await toolchain.ofTests(Object.keys(facts.files), files);
    return new Set(touched.flatMap(({ path }) => (all.has(path) ? [path] : [])));
  }

  /** Whether an acceptance check that holds on the candidate does not with a fault in it. */
  async #checksNotice(plan: HarnessPlan): Promise<boolean> {
    const { written, acceptance } = await this.#accepted;
    if (written === null || acceptance.length === 0) return false;
    const now = await checksOn(this.#where, this.#input, this.#input.candidate, written, plan);
    return acceptance.some(
      (check, index) =>
        uncounted(check) === null && check.result.exitCode === 0 && now[index]?.result.exitCode !== 0,
    );
  }

  /**
   * The base's own tests with everything of theirs that the change touched, run against the candidate: as the base has it, and without what
   * it added there. A fact, not a verdict.
   */
  async #baseTests(
    facts: BaseFacts,
    inputs: BaseInputs,
    touched: readonly ChangedPath[],
  ): Promise<BaseTests> {
    const { base } = this.#input;
    const exit = facts.followed === 'by_exit_code';
    if (touched.length === 0 || (exit && facts.exitCode !== 0)) return noBaseTests;
    const back = await restoring(
      base.checkout,
      touched.map(({ path }) => path),
    );
    const tried = async () => {
      const ran = await this.#run('verify-base', facts, combined(inputs.plan, back));
      if (exit) return { ran, failing: exitOf(ran.run) === 0 ? [] : ['the test command'], red: [] };
      const key = ({ file, name }: Outcome) => `${file}\0${name}`;
      const passing = new Set(
        outcomesOf(ran.run)
          .filter(({ state }) => state === 'pass')
          .map(key),
      );
      const missed = (state: Outcome['state']) => [
        ...new Set(
          facts.outcomes.filter((o) => o.state === state && !passing.has(key(o))).map((o) => o.name),
        ),
      ];
      return { ran, failing: missed('pass'), red: missed('fail') };
    };
    const first = await tried();
    // What fails once and then not fails by itself.
    const failing = first.failing.length === 0 ? [] : (await tried()).failing;
    return {
      report: {
        files: touched.flatMap(({ path, status }) => (status === 'added' ? [] : [path])).slice(0, 1_000),
        failing: first.failing.filter((name) => failing.includes(name)),
        result: first.ran.result,
      },
      red: new Set(first.red),
    };
  }

  async #keep(
    passed: {
      base: BaseFacts;
      judgement: Judgement;
      observed: RanSuite;
      canaried: RanSuite | null;
      canaries: readonly Canary[];
    },
    plan: HarnessPlan,
  ): Promise<void> {
    const { candidate, toolchain, config } = this.#input;
    const learned = await factsOfPassed({ ...passed, candidate, plan, canCarry: toolchain.canCarry });
    if (learned === null) return;
    const own = await toolchain.testCommand(config, await filesOf(candidate.checkout, toolchain));
    if (own.kind === 'command') await this.#memory.set(this.#keyOf(candidate, own), learned);
  }

  #keyOf(on: Prepared, command: Command): string {
    return memoryKey(this.#input.toolchain, on, this.#where.sandboxes.image, command);
  }

  /** What the base teaches, learned once a key: who needs it while another learns it waits for that one, and learns it alone where that one did not. */
  async learn(): Promise<BaseFacts> {
    const key = this.#keyOf(this.#input.base, this.#command);
    const known = await this.#memory.get(key);
    if (known !== null) return known;
    const other = this.#memory.learning.get(key);
    if (other !== undefined) {
      await settled(other, this.#input.signal);
      const learned = await this.#memory.get(key);
      if (learned !== null) return learned;
    }
    const mine = learnBase(this.#where, this.#on(this.#input.base)).then(async ({ facts, kept }) => {
      if (kept) await this.#memory.set(key, facts);
      return facts;
    });
    this.#memory.learning.set(key, mine);
    return mine.finally(() => {
      if (this.#memory.learning.get(key) === mine) this.#memory.learning.delete(key);
    });
  }
}

/** What the command printed: where something failed, without the lines of what passed. */
const shown = ({ result, output }: RanSuite, { verdict }: Judgement): CommandResult =>
  verdict === 'passed' ? result : { ...result, output: withoutPassing(output) };

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
