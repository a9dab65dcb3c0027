import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleFrom } from '../../testing/snapshots.ts';
import { openVerifying, type Verified, type Verifying } from './verifying.ts';

// `npm run test:suites -- DIR [--only NAME] [--install COMMAND] [--test COMMAND]`: the suites of the repositories that lie in DIR, each
// against itself with one line of prose, which is right by its nature. A suite is followed where the verdict is the one that its base has
// plainly: passed, or failing as on the base. Nothing of what lies there is kept.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    install: { type: 'string' },
    test: { type: 'string' },
    minutes: { type: 'string', default: '10' },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error(
    'Usage: npm run test:suites -- DIR [--only NAME] [--install COMMAND] [--test COMMAND] [--minutes N]',
  );
  process.exit(2);
}
const root = resolve(folder);

/** The git directory of a repository that lies in DIR: a checkout, a bare one, or one a folder further down. */
const gitDirOf = (name: string): string | null =>
  ['', '.git', 'repo', 'repo/.git']
    .map((under) => join(root, name, under))
    .find((at) => existsSync(join(at, 'HEAD')) && existsSync(join(at, 'objects'))) ?? null;

function checkOut(gitDir: string, work: string): void {
  const archive = execFileSync('git', ['--git-dir', gitDir, 'archive', '--format=tar', 'HEAD'], {
    maxBuffer: 1024 * 1024 * 1024,
    // A repository of others, that another user may own: read, never run.
    env: {
      ...process.env,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: gitDir,
    },
  });
  execFileSync('tar', ['-xf', '-', '-C', work], { input: archive });
}

async function measure(verifying: Verifying, gitDir: string): Promise<Verified> {
  const prose = 'MILLWRIGHT-PROSE.md';
  const { bundle, trees } = bundleFrom([
    (work) => checkOut(gitDir, work),
    (work) => {
      checkOut(gitDir, work);
      appendFileSync(join(work, prose), 'One line of prose.\n');
    },
  ]);
  return verifying.verifyTrees(
    { bundle, trees, changed: [{ path: prose, status: 'added', added: 1, removed: 0 }] },
    {
      config: {
        install: values.install ?? 'npm install --ignore-scripts --no-audit --no-fund --no-package-lock',
        ...(values.test === undefined ? {} : { test: values.test }),
      },
      timeoutMs: Number(values.minutes) * 60_000,
    },
  );
}

const names = readdirSync(root).filter(
  (name) => (values.only === undefined || name.includes(values.only)) && gitDirOf(name) !== null,
);
let unfollowed = 0;
const verifying = await openVerifying('suites');
// Stopped, it leaves nothing running.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    void verifying.close().finally(() => process.exit(1));
  });
try {
  for (const name of names) {
    const startedAt = performance.now();
    const took = () => `${((performance.now() - startedAt) / 1_000).toFixed(0)} s`;
    try {
      const { report } = await measure(verifying, gitDirOf(name) ?? '');
      const good = report.verdict === 'passed' || report.verdict === 'failing_as_on_base';
      if (!good) unfollowed += 1;
      console.log(
        `${good ? 'ok ' : 'NOT'} ${name}: ${report.verdict}, ${report.runner}, ${report.followed}; ${report.names.reported} reported, ${took()}; ${report.reason}`,
      );
      if (report.fellBack !== null) console.log(`      ${report.fellBack}`);
      for (const one of report.doubts) console.log(`      doubt ${one.code}: ${one.text}`);
      for (const { cause, tests, count } of report.failures.slice(0, 5))
        console.log(`      ${count} × ${cause.split('\n')[0]} (${tests[0]})`);
      if (report.verdict !== 'passed') console.log(report.suite?.output.slice(-2_000));
    } catch (error) {
      unfollowed += 1;
      console.log(`NOT ${name}: ${error instanceof Error ? error.message.slice(0, 2_000) : String(error)}`);
    }
  }
} finally {
  await verifying.close();
}
console.log(`${names.length - unfollowed} of ${names.length} suites were followed`);
process.exitCode = unfollowed === 0 ? 0 : 1;
