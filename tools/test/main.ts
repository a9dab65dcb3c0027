// The test command's pipeline, run by `npm test` on the pinned Node: every check, a line a step with its time, the whole output of a
// step that failed, and `N passed, N failed` as the last line. `npm test -- unit doors` runs those steps only. The steps' lines come
// once more before the last, since tests print a lot in between. Tests run through nx, a target a package and kind: what has not
// changed since it last passed is not run again (`NX_SKIP_NX_CACHE=true npm test` runs it all the same). With MILLWRIGHT_TEST_AGAIN set, as
// `.ci/run` has it, files on real services that failed are run once more, alone, when all else is done: what passes then was hurt by what ran
// beside it; it is named as unsteady, and does not fail the whole.

import { spawn } from 'node:child_process';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sweepTests } from './leftovers.ts';
import { memoryFolder } from './memory.ts';
import { add, type Failure, failuresOf, lastLine, NOTHING, type Tally, tallyVitest } from './tally.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const REPORTS = '.nx/reports';

/** A step's output is kept back unless it fails; that of tests is let through as it comes. */
type Step = { name: string; args: readonly string[]; targets: readonly string[]; part: Part };

/** The package whose tests on real services take longest, as long as those of all others together: it has a run of its own. */
const LARGEST = { project: '@millwright/orchestrator', folder: 'apps/orchestrator' };
/** Of which packages: of all, of that one, or of the others. */
type Part = 'all' | 'largest' | 'others';
const NX: Record<Part, readonly string[]> = {
  all: [],
  largest: [`--projects=${LARGEST.project}`],
  others: [`--exclude=${LARGEST.project}`],
};

const tool = (name: string, ...args: readonly string[]): Step => ({ name, args, targets: [], part: 'all' });
/** Several targets are one step, so that nx fills both cores with whatever is left of any. `parallel`: packages at once. */
const tests = (targets: readonly string[], parallel: number, part: Part): Step => ({
  name: `${targets.join(' and ')}${part === 'largest' ? ' of the orchestrator' : ''}`,
  args: [
    'node_modules/nx/dist/bin/nx.js',
    'run-many',
    '-t',
    targets.join(','),
    `--parallel=${parallel}`,
    '--output-style=stream',
    ...NX[part],
  ],
  targets,
  part,
});

const TOOLS: readonly Step[] = [
  tool('lint', 'node_modules/@biomejs/biome/bin/biome', 'check', '--max-diagnostics=none', '.'),
  tool('types', 'node_modules/typescript-7/bin/tsc', '-b', '.', 'tools', 'bench'),
  tool(
    'doors',
    'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
    '--config',
    '.dependency-cruiser.mjs',
    'apps',
    'libs',
  ),
  // What nobody calls, or declares without need: knip.jsonc names the programs, and nothing is let off.
  tool('unused', 'node_modules/knip/bin/knip.js', '--no-progress', '--treat-config-hints-as-errors'),
];
/**
 * Runs of nx. Real services leave cores idle while they start: three packages at once, of which the whole factory's tests and the
 * orchestrator's are two from the first, since they take longest.
 */
const RUNS: readonly { stage: number; targets: readonly string[]; parallel: number; part: Part }[] = [
  { stage: 1, targets: ['unit', 'browser'], parallel: 1, part: 'all' },
  { stage: 2, targets: ['int'], parallel: 1, part: 'largest' },
  { stage: 2, targets: ['int'], parallel: 1, part: 'others' },
  { stage: 2, targets: ['e2e'], parallel: 1, part: 'all' },
];
const NAMES = [...TOOLS.map(({ name }) => name), ...RUNS.flatMap(({ targets }) => targets)];

const temporary = process.env.TMPDIR ?? memoryFolder();
const env = {
  ...process.env,
  ...(temporary === null ? {} : { TMPDIR: temporary }),
  NX_DAEMON: 'false',
  NX_TUI: 'false',
};

const running = new Set<ReturnType<typeof spawn>>();
let interrupted = false;

function runStep({ args, targets, part }: Step): Promise<{ readonly tally: Tally; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        if (targets.length > 0) process.stdout.write(chunk);
        else output += chunk.toString('utf8');
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      running.delete(child);
      const plain: Tally = code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
      resolve({ tally: targets.length > 0 ? tallyOf(targets, part, code) : plain, output });
    });
  });
}

const isOf = (part: Part, path: string): boolean =>
  part === 'all' || path.startsWith(`${REPORTS}/${LARGEST.folder}/`) === (part === 'largest');

const reportsOf = (targets: readonly string[], part: Part) =>
  globSync(
    targets.map((target) => `${REPORTS}/**/${target}.json`),
    { cwd: ROOT },
  )
    .filter((path) => isOf(part, path))
    .map((path) => ({ target: basename(path, '.json'), text: readFileSync(join(ROOT, path), 'utf8') }));
type FailedFile = Failure & { readonly target: string };
const failedOf = ({ targets, part }: Step): FailedFile[] =>
  reportsOf(targets, part).flatMap(({ target, text }) =>
    failuresOf(text).map((failure) => ({ ...failure, target })),
  );

/** What the packages' reports count; a run that ended badly counts as one failure at least. */
function tallyOf(targets: readonly string[], part: Part, code: number | null): Tally {
  const sum = reportsOf(targets, part)
    .map(({ text }) => tallyVitest(text, 0))
    .reduce(add, NOTHING);
  return code !== 0 && sum.failed === 0 ? { ...sum, failed: 1 } : sum;
}

/** More than so many files were not hurt by what ran beside them. */
const MOST_AGAIN = 10;

/** Runs the files that failed once more, one after the other. Returns those that passed. */
async function again(failed: readonly FailedFile[]): Promise<FailedFile[]> {
  const unsteady: FailedFile[] = [];
  for (const one of failed.length > MOST_AGAIN ? [] : failed) {
    const args = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      one.target,
      '--tags-filter=!long',
      one.file,
    ];
    const { tally, output } = await runStep({ name: 'again', args, targets: [], part: 'all' });
    console.log(output.trimEnd());
    if (tally.failed === 0) unsteady.push(one);
  }
  return unsteady;
}
const told = (word: string, failed: readonly FailedFile[]) =>
  failed.flatMap(({ file, lines }) => lines.map((line) => `  ${word} ${relative(ROOT, file)}: ${line}`));

async function main(): Promise<number> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    console.error(`unknown step: ${unknown}; there are ${NAMES.join(', ')}`);
    return 2;
  }
  const asked = (name: string) => wanted.length === 0 || wanted.includes(name);
  const stageOf = (stage: number): Step[] =>
    RUNS.filter((run) => run.stage === stage).flatMap(({ targets, parallel, part }) => {
      const here = targets.filter(asked);
      return here.length === 0 ? [] : [tests(here, parallel, part)];
    });
  const stages = [[...TOOLS.filter(({ name }) => asked(name)), ...stageOf(1)], stageOf(2)];
  rmSync(join(ROOT, REPORTS), { recursive: true, force: true });
  const recap: string[] = [];
  let sum = NOTHING;
  for (const stage of stages) {
    if (interrupted) return 130;
    const real = stage.some(({ targets }) => targets.includes('int') || targets.includes('e2e'));
    if (real) await sweep();
    const ran = await Promise.all(
      stage.map(async (step) => {
        const from = performance.now();
        const { tally, output } = await runStep(step);
        const seconds = ((performance.now() - from) / 1000).toFixed(1);
        const name = `${step.name.padEnd(11)} ${seconds.padStart(6)} s`;
        console.log(`${tally.failed === 0 ? '✓' : '✗'} ${name}`);
        if (tally.failed > 0 && output !== '') console.log(output.trimEnd());
        return { step, name, tally, failed: failedOf(step) };
      }),
    );
    // Alone: when all of the stage is done.
    const unsteady =
      real && process.env.MILLWRIGHT_TEST_AGAIN ? await again(ran.flatMap(({ failed }) => failed)) : [];
    const isUnsteady = (one: FailedFile) =>
      unsteady.some(({ target, file }) => target === one.target && file === one.file);
    for (const { step, name, tally: first, failed } of ran) {
      const hurt = failed.filter(isUnsteady).reduce((n, { lines }) => n + lines.length, 0);
      const tally = { passed: first.passed + hurt, failed: first.failed - hurt };
      sum = add(sum, tally);
      recap.push(
        `${tally.failed === 0 ? '✓' : '✗'} ${name}${step.targets.length > 0 ? `  ${lastLine(tally)}` : ''}`,
        ...told(
          'failed',
          failed.filter((one) => !isUnsteady(one)),
        ),
        ...told('unsteady (passed alone)', failed.filter(isUnsteady)),
      );
    }
  }
  await sweep();
  if (interrupted) return 130;
  console.log(['', ...recap, lastLine(sum)].join('\n'));
  return sum.failed === 0 ? 0 : 1;
}

/** What was left by tests that were stopped, these among them. Without an engine there is nothing to find, and the tests say so. */
async function sweep(): Promise<void> {
  try {
    const swept = await sweepTests();
    if (swept.length > 0) console.log(`removed from the engine what stopped tests left: ${swept.join(', ')}`);
  } catch (error) {
    console.log(`what stopped tests left on the engine was not looked for: ${error}`);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true;
    for (const child of running) child.kill(signal);
  });
}
process.exitCode = await main();
