import { randomBytes } from 'node:crypto';
import type { Canary, TestCommand, Toolchain } from '@millwright/toolchains';
import { combined, type HarnessPlan, NOTHING, textEntry } from './harness-plan.ts';
import type { BaseFacts, Followed } from './judge.ts';
import { carriersOf, exitOf, outcomesOf, runnerOf, testFilesOf } from './judge.ts';
import { type Prepared, type RanSuite, runSuite, type SuiteOptions, type Where } from './run-suite.ts';
import { filesOf, readEntry } from './tree-entries.ts';

// What a base's own runs teach, once a base. First plainly, with nothing of ours in it; then followed by its runner's report; then with
// canaries. Where following it changes what its tests say, the harness is at fault: a plainer way is taken, and the report says so.

export type Subject = {
  toolchain: Toolchain;
  command: Extract<TestCommand, { kind: 'command' }>;
  on: Prepared;
  timeoutMs: number;
  signal?: AbortSignal;
};

const SESSIONS = 8;
const word = () => `q${randomBytes(8).toString('hex')}`;

/** Canaries for files, in the way that each is known to carry them. */
export const canariesFor = (
  toolchain: Toolchain,
  files: Readonly<Record<string, string>>,
  placeOf: (file: string) => Canary['place'] | null,
): Canary[] =>
  Object.entries(files).flatMap(([file, runner]) => {
    const place = toolchain.canCarry(file) ? placeOf(file) : null;
    return place === null ? [] : [toolchain.makeCanary({ file, runner, place }, word)];
  });

/** A plan that puts canaries into files as `on` has them, or as `over` writes them. */
export async function canaryPlan(
  toolchain: Toolchain,
  on: Prepared,
  canaries: readonly Canary[],
  over: HarnessPlan,
): Promise<HarnessPlan> {
  return edited(
    on,
    over,
    canaries.map(({ file }) => file),
    (text, file) => {
      const canary = canaries.find((one) => one.file === file);
      return canary === undefined ? text : toolchain.carrying(text, canary, on.root);
    },
  );
}

/** `over`, and on it `edit` of files as they then are. */
async function edited(
  on: Prepared,
  over: HarnessPlan,
  files: readonly string[],
  edit: (text: string, file: string) => string,
): Promise<HarnessPlan> {
  const written = new Map(over.write.map(({ path, entry }) => [path, entry]));
  const write: HarnessPlan['write'][number][] = [];
  for (const file of files) {
    const entry =
      written.get(file) ?? (over.remove.includes(file) ? null : await readEntry(on.checkout, file));
    if (entry?.kind !== 'file') continue;
    write.push({
      path: file,
      entry: textEntry(edit(new TextDecoder().decode(entry.bytes), file), entry.mode),
    });
  }
  return combined(over, { remove: [], write });
}

export const run = (
  where: Where,
  { toolchain, command, on, timeoutMs, signal }: Subject,
  options: Pick<SuiteOptions, 'purpose' | 'mode' | 'plan' | 'sessions'>,
): Promise<RanSuite> =>
  runSuite(where, on, {
    ...{ toolchain, command, timeoutMs, ...options },
    ...(signal === undefined ? {} : { signal }),
  });

/** `kept`: worth keeping, since every run ended by itself. */
export async function learnBase(
  where: Where,
  subject: Subject,
): Promise<{ facts: BaseFacts; kept: boolean }> {
  const plain = await run(where, subject, {
    ...{ purpose: 'verify-plain', mode: 'plain', plan: NOTHING, sessions: 0 },
  });
  const followed = await run(where, subject, {
    ...{ purpose: 'verify-learn', mode: 'observe', plan: NOTHING, sessions: SESSIONS },
  });
  const unfit =
    plain.runtime === null
      ? null
      : await subject.toolchain.unfit(plain.runtime, await filesOf(subject.on.checkout, subject.toolchain));
  const runner = runnerOf(followed.run);
  if (runner === null) return byExitCode(where, subject, plain, { runner: 'unknown', fellBack: null, unfit });
  const differs = difference(plain, followed);
  if (differs !== null) {
    // A base that says one thing and then another without us is no fault of ours.
    const again = await run(where, subject, {
      ...{ purpose: 'verify-plain', mode: 'plain', plan: NOTHING, sessions: 0 },
    });
    if (exitOf(again.run) === exitOf(plain.run))
      return byExitCode(where, subject, plain, { runner, fellBack: differs, unfit });
  }
  const carriers = await learnCarriers(where, subject, followed);
  const any = Object.keys(carriers).length > 0;
  return {
    facts: {
      runner,
      followed: any ? 'proven' : 'by_name',
      fellBack:
        any || outcomesOf(followed.run).length === 0
          ? null
          : 'No test file of the base can carry a test of ours.',
      ...{ unfit, plainExit: exitOf(plain.run) },
      ...{ exitCode: exitOf(followed.run), passed: followed.passed },
      ms: followed.result.ms,
      sessions: Math.max(1, followed.run.sessions.length),
      outcomes: outcomesOf(followed.run),
      files: testFilesOf(followed.run),
      carriers,
      canFail: null,
    },
    kept: plain.run.end.kind === 'exited' && followed.run.end.kind === 'exited',
  };
}

/** Around its tests where a file bears that, else behind them, else not at all. */
async function learnCarriers(
  where: Where,
  subject: Subject,
  followed: RanSuite,
): Promise<Record<string, Canary['place']>> {
  const { toolchain, on } = subject;
  const files = testFilesOf(followed.run);
  const carried = async (place: Canary['place'], of: Readonly<Record<string, string>>) => {
    const canaries = canariesFor(toolchain, of, () => place);
    if (canaries.length === 0) return {};
    const canaried = await run(where, subject, {
      ...{ purpose: 'verify-learn-canary', mode: 'canary' },
      plan: await canaryPlan(toolchain, on, canaries, NOTHING),
      sessions: Math.max(1, followed.run.sessions.length),
    });
    return carriersOf(followed.run, canaried.run, canaries);
  };
  const left = (carriers: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(files).filter(([file]) => !(file in carriers)));
  let carriers = await carried('around', files);
  if (Object.keys(left(carriers)).some(toolchain.canCarry) && (await hooksAssertions(subject, files))) {
    // All of them: files that share a process share what is frozen there.
    const loose = await carried('loose', files);
    if (Object.keys(loose).length > Object.keys(carriers).length) carriers = loose;
  }
  return { ...carriers, ...(await carried('after', left(carriers))) };
}

/** Whether anything among the base's tests, or that its command loads, may replace what would be frozen. */
async function hooksAssertions(
  { toolchain, command, on }: Subject,
  tests: Readonly<Record<string, string>>,
): Promise<boolean> {
  const files = await filesOf(on.checkout, toolchain);
  const loaded = (await toolchain.loadedBy(command, files)).map(({ path }) => path);
  const among = files.paths.filter((path) => toolchain.isAmongTests(path) && toolchain.isSource(path));
  for (const path of new Set([...Object.keys(tests), ...loaded, ...among]))
    if (toolchain.hooksAssertions((await files.read(path)) ?? '')) return true;
  return false;
}

const PROOF = 'made to fail by the factory';

/** Tests of other languages, by their names: what is in their files then is no program of any. */
const OTHER_TEST =
  /(^|\/)((tests?|specs?)\/.*|(test|check)[^/]*|[^/]*[-_.A-Za-z](test|spec)s?)\.(py|rb|go|rs|php|sh|bash|bats|java|kt|scala|cs|exs?|lua|pl|t|c|cc|cpp|swift|dart)$/i;

/** What makes every test file fail when it is loaded; null where there is none that can be made to. */
export async function spoiling(
  toolchain: Toolchain,
  on: Prepared,
  over: HarnessPlan,
): Promise<HarnessPlan | null> {
  const { paths } = await filesOf(on.checkout, toolchain);
  const ours = (path: string) => toolchain.isTest(path) && toolchain.canCarry(path);
  const tests = paths.filter((path) => ours(path) || OTHER_TEST.test(path));
  if (tests.length === 0) return null;
  return edited(on, over, tests, (text, path) => {
    const proof = `${PROOF} (${word()})`;
    return ours(path) ? toolchain.failing(text, proof) : `) ${proof}\n`;
  });
}

async function byExitCode(
  where: Where,
  subject: Subject,
  plain: RanSuite,
  said: Pick<BaseFacts, 'runner' | 'fellBack' | 'unfit'>,
): Promise<{ facts: BaseFacts; kept: boolean }> {
  const plan = exitOf(plain.run) === 0 ? await spoiling(subject.toolchain, subject.on, NOTHING) : null;
  const spoilt =
    plan === null
      ? null
      : await run(where, subject, { purpose: 'verify-learn-spoilt', mode: 'plain', plan, sessions: 0 });
  return {
    facts: {
      ...{ ...said, followed: 'by_exit_code' satisfies Followed },
      ...{ plainExit: exitOf(plain.run), exitCode: exitOf(plain.run), ms: plain.result.ms },
      passed: plain.passed,
      ...{ sessions: 0, outcomes: [], files: {}, carriers: {} },
      canFail: spoilt === null ? null : exitOf(spoilt.run) !== 0,
    },
    kept: plain.run.end.kind === 'exited',
  };
}

/** What following the base's tests changed in what they say, or null. */
function difference(plain: RanSuite, followed: RanSuite): string | null {
  const [before, after] = [exitOf(plain.run), exitOf(followed.run)];
  if (before === null || after === null) return null; // One of them was cut short: there is nothing to compare.
  if (before !== after && (before === 0 || after === 0))
    return `Followed by name the base's tests end with exit code ${after}, plainly with ${before}: they are judged by exit code.`;
  // Both fail. What failed only when it was followed is not in what was printed without us.
  const own = outcomesOf(followed.run)
    .filter(({ state, kind, title }) => state === 'fail' && kind === 'test' && !plain.output.includes(title))
    .map(({ title }) => title);
  if (own.length === 0 || plain.output.length > 200_000) return null;
  return `Followed by name ${own.length} of the base's tests fail that do not fail plainly ("${own[0]?.slice(0, 200)}"): they are judged by exit code.`;
}
