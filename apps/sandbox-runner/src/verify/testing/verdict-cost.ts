import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleFrom, type Files, writeFiles } from '../../testing/snapshots.ts';
import { memoryOf } from '../base-memory.ts';
import { openVerifying, type Verified, type Verifying } from './verifying.ts';

// What bench/ measures of verdicts, as a program: what one takes, as a multiple of the suite's own time. Prints one line of JSON, leaves nothing
// behind. argv: `quick` for one of each.

const SHOP = join(import.meta.dirname, '../../../../../examples/shop');
const rounds = process.argv[2] === 'quick' ? 1 : 3;

type Suite = {
  name: string;
  write: (work: string) => void;
  /** A line mended, and a test that needs it. */
  change: (work: string) => void;
  changed: readonly string[];
};

const edit = (work: string, path: string, how: (text: string) => string) =>
  writeFileSync(join(work, path), how(readFileSync(join(work, path), 'utf8')));

/** A suite that computes: `files` files of a quarter of a second or so. */
const computing = (files: number): Files => ({
  'package.json': JSON.stringify({ name: 'sums', type: 'module', scripts: { test: 'node --test' } }),
  'src/sums.js': `export const over = (from, to) => {\n  let sum = 0;\n  for (let n = from; n < to; n += 1) sum += n;\n  return sum;\n};\n`,
  ...Object.fromEntries(
    Array.from({ length: files }, (_, at) => [
      `test/${at}.test.js`,
      `import assert from 'node:assert/strict';\nimport { test } from 'node:test';\nimport { over } from '../src/sums.js';\n\ntest('many ${at}', () => {\n  for (let nth = 0; nth < 25; nth += 1) assert.ok(over(0, 10_000_000) > 0);\n});\ntest('few ${at}', () => assert.equal(over(1, 4), 6));\n`,
    ]),
  ),
});

const SUITES: readonly Suite[] = [
  {
    name: 'the example shop, 4 files',
    write: (work) =>
      cpSync(SHOP, work, {
        recursive: true,
        filter: (path) => !/\/(tickets|conversations|node_modules)$/.test(path),
      }),
    change: (work) => {
      edit(work, 'src/prices.js', (text) => text.replace('quantity > BULK.from', 'quantity >= BULK.from'));
      edit(
        work,
        'test/prices.test.js',
        (text) => `${text}\ntest('ten cost less', () => assert.equal(lineCents(1250, 10), 11875));\n`,
      );
    },
    changed: ['src/prices.js', 'test/prices.test.js'],
  },
  {
    name: '12 files that compute',
    write: (work) => writeFiles(work, computing(12)),
    change: (work) => {
      edit(work, 'src/sums.js', (text) => `${text}export const count = (from, to) => to - from;\n`);
      edit(
        work,
        'test/0.test.js',
        (text) =>
          `${text}import { count } from '../src/sums.js';\ntest('counts', () => assert.equal(count(2, 5), 3));\n`,
      );
    },
    changed: ['src/sums.js', 'test/0.test.js'],
  },
];

const alone = ({ commands }: Verified): number => {
  const plain = commands.find(({ purpose }) => purpose === 'verify-plain');
  if (plain === undefined) throw new Error('the base was not run plainly');
  return plain.ms;
};

async function measure(verifying: Verifying, suite: Suite) {
  const trees = bundleFrom([
    suite.write,
    (work) => {
      suite.write(work);
      suite.change(work);
    },
  ]);
  const changed = suite.changed.map((path) => ({ path, status: 'modified' as const, added: 1, removed: 1 }));
  const took: { ownMs: number; newMs: number; knownMs: number; commands: Verified['commands'] }[] = [];
  for (let nth = 0; nth < rounds; nth += 1) {
    const memory = memoryOf(null);
    const once = async () => {
      const verified = await verifying.verifyTrees({ ...trees, changed }, { memory });
      if (verified.report.verdict !== 'passed') throw new Error(`${suite.name}: ${verified.report.reason}`);
      return verified;
    };
    const first = await once();
    const again = await once();
    took.push({ ownMs: alone(first), newMs: first.ms, knownMs: again.ms, commands: again.commands });
  }
  return { name: suite.name, took };
}

const verifying = await openVerifying('cost');
// Asked to end, it leaves nothing running.
process.once('SIGTERM', () => void verifying.close().finally(() => process.exit(1)));
try {
  const suites = [];
  for (const suite of SUITES) suites.push(await measure(verifying, suite));
  process.stdout.write(`${JSON.stringify(suites)}\n`);
} finally {
  await verifying.close();
}
