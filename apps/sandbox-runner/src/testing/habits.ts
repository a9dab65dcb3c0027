import { baseOf, type Form } from './runners.ts';
import type { Files } from './snapshots.ts';

// Habits of real suites: what an honest test may look at must be what it sees without us.

type Habit = { name: string; body: string };
const RUN = "require('node:child_process').execFileSync";
/** `ok(value)` is what each runner gives them. */
export const HABITS: readonly Habit[] = [
  {
    name: 'reads its arguments',
    body: 'ok(!process.argv.slice(2).some((a) => /report|millwright|tmp/i.test(a)))',
  },
  {
    name: 'reads what node was started with',
    body: 'ok(!process.execArgv.some((a) => /^--test-reporter|\\/tmp\\//.test(a)))',
  },
  {
    name: 'reads its environment',
    body: 'ok(!Object.keys(process.env).some((k) => /^MILLWRIGHT|^NODE_OPTIONS$|^CI$|^NO_COLOR$|^FORCE_COLOR$/.test(k)))',
  },
  {
    name: 'starts node by name',
    body: `ok(${RUN}('node', ['-p', 'JSON.stringify([process.execArgv, process.argv0])'], { encoding: 'utf8' }).trim() === '[["-p","JSON.stringify([process.execArgv, process.argv0])"],"node"]')`,
  },
  {
    name: 'starts itself',
    body: `ok(${RUN}(process.execPath, ['-p', 'process.execArgv.length'], { encoding: 'utf8' }).trim() === '2')`,
  },
  {
    name: 'gives a child its whole environment',
    body: `ok(${RUN}('node', ['-p', 'Object.keys(process.env).length'], { encoding: 'utf8', env: process.env }).trim() === String(Object.keys(process.env).length))`,
  },
  {
    name: 'counts globals',
    body: 'ok(Object.getOwnPropertyNames(globalThis).filter((k) => /millwright|^t_|^e_|^q\\d/i.test(k)).length === 0)',
  },
  {
    name: 'has assertions of node’s as they are',
    body: "const assert = require('node:assert'); let thrown = false; try { assert.equal(1, 2); } catch { thrown = true; } ok(thrown)",
  },
  {
    name: 'sets a time zone',
    body: `ok(${RUN}('node', ['-p', 'new Date(0).getHours()'], { encoding: 'utf8', env: { ...process.env, TZ: 'Asia/Tokyo' } }).trim() === '9')`,
  },
  {
    name: 'starts a test runner of its own',
    body: `const env = { ...process.env }; delete env.NODE_TEST_CONTEXT; ok(/pass 1/.test(${RUN}('node', ['--test', 'fixture/inner.cjs'], { encoding: 'utf8', env })))`,
  },
];

/** The base in a runner's form, its manifest to the byte (so that nothing else is installed), with a test for each habit. */
export function habitual(form: Form, habits: readonly Habit[] = HABITS): Files {
  const head = form.esm
    ? "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\n"
    : '';
  const ok = `const ok = (value) => ${form.equal('value', 'true')};\n`;
  return {
    ...baseOf(form),
    'fixture/inner.cjs': "require('node:test')('inner', () => {});\n",
    'test/habits.test.js':
      head +
      form.head('../src/sum.js') +
      ok +
      habits.map(({ name, body }) => `${form.define}('${name}', () => { ${body}; });\n`).join(''),
  };
}
