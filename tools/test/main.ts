// The test command's pipeline, run by `npm test` on the pinned Node: every check, a line a step with its time, the whole output of a
// step that failed, and `N passed, N failed` as the last line. `npm test -- unit doors` runs those steps only. The steps' lines come
// once more before the last, since tests print a lot in between. Steps of a stage run side by side: alone, those on real services
// leave a fifth of two cores idle.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memoryFolder } from './memory.ts';
import { add, lastLine, NOTHING, type Tally, tallyVitest } from './tally.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A step. `show: 'failure'` keeps its output back unless it fails; `'always'` lets it through as it comes. */
type Step = {
  readonly name: string;
  readonly args: readonly string[];
  readonly minutes: number;
  readonly show: 'always' | 'failure';
  readonly vitest: boolean;
};

const tool = (name: string, minutes: number, ...args: readonly string[]): Step => {
  return { name, args, minutes, show: 'failure', vitest: false };
};
const tests = (name: string, minutes: number): Step => ({
  name,
  args: ['node_modules/vitest/vitest.mjs', 'run', '--project', name, '--passWithNoTests'],
  minutes,
  show: 'always',
  vitest: true,
});

/** Projects that the root's references leave out, since nothing is built on them. */
const TYPED_APART = ['tools', 'bench'].filter((folder) => existsSync(join(ROOT, folder, 'tsconfig.json')));

const STAGES: readonly (readonly Step[])[] = [
  [
    tool('lint', 5, 'node_modules/@biomejs/biome/bin/biome', 'check', '--max-diagnostics=none', '.'),
    tool('types', 10, 'node_modules/typescript/bin/tsc', '-b', '.', ...TYPED_APART),
    tool('doors', 5, 'tools/doors/check.ts'),
    tests('unit', 10),
  ],
  [tests('int', 45), tests('e2e', 45)],
];

const STEPS = STAGES.flat();

const temporary = process.env.TMPDIR ?? memoryFolder();
const env = temporary === null ? process.env : { ...process.env, TMPDIR: temporary };

const running = new Set<ReturnType<typeof spawn>>();
let interrupted = false;

function runStep(step: Step, reports: string): Promise<{ readonly tally: Tally; readonly output: string }> {
  const report = join(reports, `${step.name}.json`);
  const extra = step.vitest ? ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`] : [];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...step.args, ...extra], {
      ...{ cwd: ROOT, env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        if (step.show === 'always') process.stdout.write(chunk);
        else output += chunk.toString('utf8');
      });
    }
    const limit = setTimeout(() => {
      output += `\n(stopped: it took more than ${step.minutes} min)`;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 5000).unref();
    }, step.minutes * 60_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(limit);
      running.delete(child);
      const plain: Tally = code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
      const written = existsSync(report) ? readFileSync(report, 'utf8') : null;
      resolve({ tally: step.vitest ? tallyVitest(written, code) : plain, output });
    });
  });
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((name) => !STEPS.some((step) => step.name === name));
  if (unknown !== undefined) {
    console.error(`unknown step: ${unknown}; there are ${STEPS.map((step) => step.name).join(', ')}`);
    return 2;
  }
  const reports = mkdtempSync(join(tmpdir(), 'millwright-test-'));
  const recap: string[] = [];
  let sum = NOTHING;
  try {
    const run = async (step: Step): Promise<void> => {
      const from = performance.now();
      const { tally, output } = await runStep(step, reports);
      const seconds = ((performance.now() - from) / 1000).toFixed(1);
      sum = add(sum, tally);
      if (tally.failed > 0 && output !== '') console.log(output.trimEnd());
      const counts = step.vitest ? `  ${lastLine(tally)}` : '';
      const line = `${tally.failed === 0 ? '✓' : '✗'} ${step.name.padEnd(6)} ${seconds.padStart(6)} s${counts}`;
      recap.push(line);
      console.log(line);
    };
    for (const stage of STAGES) {
      if (interrupted) break;
      await Promise.all(
        stage.filter(({ name }) => wanted.length === 0 || wanted.includes(name)).map((step) => run(step)),
      );
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  if (interrupted) return 130;
  console.log(['', ...recap, lastLine(sum)].join('\n'));
  return sum.failed === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true;
    for (const child of running) child.kill(signal);
  });
}
process.exitCode = await main();
