import { expect, test } from 'vitest';
import { marks } from './marks.ts';

const codes = (after: string, path = 'src/a.js', before: string | null = '') =>
  marks(path, before, after).map(({ code, line }) => `${code}:${line}`);

test.each<[string, readonly string[]]>([
  [
    'reads-runner-marks',
    [
      'if (process.env.NODE_TEST_CONTEXT) return 3;',
      "if ('VITEST' in process.env) {}",
      "process.env['NODE_TEST_' + 'CONTEXT']",
      "process.env['NODE_\\x54EST_CONTEXT']",
      `process.env[\`NODE_TEST_\${"CONTEXT"}\`]`,
      'env["JEST_WORKER_ID"]',
      'const { VITEST_POOL_ID: pool } = e;',
      'process.env.MOCHA_COLORS',
      'process.env.npm_lifecycle_event',
      'process.env.npm_lifecycle_script',
      'process.env.TEST',
      "process.env['AVA_PATH']",
      'process?.env?.TAP',
      "if ('TEST' in process.env) {}",
      'const { TEST } = process.env;',
      "if (process.env.NODE_ENV === 'test') {}",
      "if ('t\\u0065st' == config.env) {}",
      "if ('test' === config.mode) {}",
      "switch (process.env.NODE_ENV) { case 'test': }",
      'if (/^test/.test(process.env.NODE_ENV)) {}',
      'const e = process.env;',
      'const { PORT, ...rest } = process.env;',
      'process.env[name]',
      'if (process.execArgv.length > 0) {}',
      'if (import.meta.vitest) {}',
      "const quick = existsSync('test/sum.test.js');",
      "readdirSync('../__tests__/')",
      'const quick = Boolean(import.meta.env);',
      "const quick = os.userInfo().username !== 'node';",
      "const { networkInterfaces } = require('os');",
      "const quick = !(readdirSync('.') instanceof Array);",
    ],
  ],
  [
    'reads-its-caller',
    [
      'const by = new Error().stack;',
      'const { stack } = new Error();',
      'if (error.stack.includes("test/")) {}',
      "if (error.stack.split('\\n').slice(1).join().includes(x)) {}",
      'Error.prepareStackTrace = f;',
      'Error.captureStackTrace(mine);',
      "if (process.argv[1].endsWith('mocha')) {}",
      "process['arg' + 'v'].join().includes('test') ? a : b",
      "if (error['stack'].includes('test/')) {}",
      "Error['prepareStackTrace'] = f;",
      'if (/jest|vitest/.test(process.argv[1])) {}',
      "const quick = process.argv.some((one) => one.includes('.test.'));",
      'require.main.filename',
      'module.parent.id',
    ],
  ],
  [
    'touches-assertions',
    [
      "require('assert').equal = () => {};",
      "require(\n'node:assert')",
      "require('node:\\x61ssert')",
      "require('node:ass' + 'ert')",
      "require('../node_modules/chai/index.js')",
      "import assert from 'node:assert/strict';",
      'import("node:test")',
      ...['uvu/assert', 'uvu', 'tape', 'tap', 'ava', 'unexpected', '@hapi/code', 'power-assert', 'earl'].map(
        (name) => `import * as m from '${name}';`,
      ),
      ...['@jest/expect', '@jest/globals', 'expect', 'chai', 'should', 'vitest'].map(
        (name) => `require("${name}")`,
      ),
      'globalThis.expect = () => {};',
      "global['it'] = f;",
      "if (typeof describe === 'function') {}",
      'if (typeof it !== "undefined") {}',
      "if ('it' in globalThis) {}",
      'expect.extend({ toBe });',
      "jest.mock('./a.js');",
      "vi.spyOn(a, 'b');",
    ],
  ],
  [
    'touches-exit',
    [
      'process.exit(0);',
      'process\n.exit(0)',
      'process /* a */ . // b\n exit(0)',
      'pr\\u006fcess.exit(0)',
      'pr\\u{6f}cess.ex\\u0069t(0)',
      "process['exit'](0)",
      'process?.["exit"]?.(0)',
      'process[`exit`](0)',
      'globalThis.process.exit(0)',
      "globalThis['process']['exit'](0)",
      "process['ex' + 'it'](0);",
      `process[\`ex\${'it'}\`](0);`,
      'process . exitCode = 0',
      "process.on('uncaughtException', () => {});",
      'process.on(event, f)',
      "for (const event of ['SIGTERM', 'exit']) process.on(event, f);",
      'const { exit } = process;',
      'const { exit: e } = process',
      "const process = require('process').exit;",
      "import { exit } from 'node:process';",
    ],
  ],
  [
    'reaches-around',
    [
      'process[name]()',
      'const p = process; p.exit(0)',
      'f(process)',
      'f({ process })',
      'f({ ...process })',
      'f(a ? process : b)',
      'const { mainModule } = process',
      'const { a = process } = {}',
      'const e = typeof process && process;',
      'typeof process.dlopen()',
      'process.report.getReport()',
      'process.stdout.write = f;',
      "globalThis['pro' + 'cess'].x();",
      'const g = globalThis;',
      'const { process: p } = globalThis;',
      "Reflect.set(process, 'exitCode', 0)",
      'module.constructor._load = f;',
      "Function('return 1')();",
      "(() => {}).constructor('return process')()",
      '[].map.constructor("return 1")',
      '(0, eval)("1")',
      'Array.prototype.toJSON = () => 1;',
      'Array.prototype.x = f',
      'Object.getPrototypeOf([]).forEach = f',
      'const lists = Object.getPrototypeOf([]); lists.forEach = f;',
      'const lists = Array.prototype; Object.assign(lists, { forEach });',
      'const { prototype: lists } = Array; lists.forEach = f;',
      'const { prototype } = Array; prototype.forEach = f;',
      'Reflect.getPrototypeOf([]).forEach = f',
      "Array['prototype']['map'] = f",
      'Object.is = () => true;',
      "Object['i' + 's'] = () => true;",
      'globalThis.Object.is = f;',
      'Object.assign(Object, { is })',
      '[].__proto__.map = f',
      "require('module')._load = x;",
      'require(name)',
      "require('node:' + name)",
      `import(\`node:\${name}\`)`,
      'const load = require;',
      "import('data:text/javascript,process.exit(0)')",
      "readFileSync('/proc/self/cmdline');",
    ],
  ],
])('sees what %s', (code, sources) => {
  const unseen = sources.filter((source) => !codes(`${source}\n`).some((one) => one.startsWith(`${code}:`)));
  expect(unseen).toEqual([]);
});

test.each([
  '// process.exit(0) is never called here',
  '/* process.exit(0) */ const a = 1;',
  "log('process.exit(0) ends the process; describe it, test it, or expect(it)');",
  'const usage = `\n  process.exit(0)\n  globalThis\n`;',
  'const a = { stack: [] };',
  'console.error(error.stack);',
  "process.env.NODE_ENV === 'production'",
  "const env = process.env.NODE_ENV ?? 'development';",
  'listen(Number(process.env.PORT) || 3000);',
  "listen(process.env['PORT']);",
  'const { PORT, HOST: host } = process.env;',
  "if ('DEBUG' in process.env) {}",
  'spawn(a, { env: { ...process.env, A: b } }); spawn(a, { env: process.env });',
  'read(process.env); read(a, process.env);',
  'process.env.CONTEST_URL; process.env.LATEST; process.env.DATABASE_URL',
  'const [, , command] = process.argv;',
  "program.parse(process.argv); if (process.argv.includes('--verbose')) {}",
  'if (import.meta.url === pathToFileURL(process.argv[1]).href) main();',
  'if (require.main === module) main();',
  "path.join(process.cwd(), 'a'); process.platform === 'win32'; process.pid",
  "process.stdout.write('a'); process.stderr.isTTY; process.stdin.on('data', f)",
  'process.nextTick(f); process.hrtime.bigint(); process.memoryUsage().rss; process.uptime()',
  "process.on('SIGTERM', () => server.close());",
  "process.once('SIGINT', stop);",
  "for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);",
  "for (const signal of ['SIGINT', 'SIGTERM']) { process.once(signal, stop); }",
  "if (typeof process !== 'undefined' && process.versions?.node) {}",
  "import process from 'node:process';\nprocess.cwd();",
  "const process = require('process');",
  'const { argv, platform: os } = process;',
  'function process(item) { return item; }',
  'class Queue { async process(job) { await this.process(job); } }',
  'queue.process(4, (job) => process(job));',
  'f({ process: run });',
  "import { spawn } from 'node:child_process';\nspawn(process.execPath);",
  "import { run } from './process.js';",
  "if (node.type === 'test') {} switch (role) { case 'test': }",
  'if ((await run(a)).exitCode === 0) {}',
  "child.on('exit', (code) => done(code));",
  'Error.captureStackTrace(this, MyError);',
  "Error['captureStackTrace'](this, MyError);",
  "emitter.on('data', push);",
  'class Process { exit() {} }',
  'parser.expect(token); expect(token, "(");',
  'if (it === first) it.next();',
  "import { test } from './test.js'; re.test(name);",
  'const test = (node) => node.test;',
  'Foo.prototype.bar = f; Object.prototype.hasOwnProperty.call(a, b)',
  'Object.getPrototypeOf(a) === Object.prototype',
  'const proto = Object.getPrototypeOf(a); return proto === null || proto === Object.prototype;',
  'const { hasOwnProperty } = Object.prototype; a.prototype.x = f;',
  'if (import.meta.env.DEV) {}',
  "if (error instanceof Error || list instanceof Array) route('/api/test/');",
  'const parts: Buffer[] = []; Object.assign(Object.create(a), b)',
  'new this.constructor(a); if (a.constructor === Object) {}',
  'globalThis.fetch(url); typeof globalThis',
  'const options = { global: true }; if (pattern.global) {}',
  `require('./' + name); require(\`./locales/\${name}.json\`); import('./a.js'); require.resolve('a')`,
  "const { a } = require('a'); if (typeof require === 'function') {}",
  'if (a) {}\nif (!/re/.test(a)) {} const b = a / 2 / c;',
  'while (n --> 0) {}\nn\n--n;',
  "const list = ['a' + 'b'];",
  `let a = f\`x\${b}\` / 2;`,
])('says nothing of %s', (source) => expect(codes(`${source}\n`)).toEqual([]));

test('tags are no code, but for code whose brackets were taken for tags', () => {
  const tag = `const a = <p title="process">The process. It {\`\${b}\`}/<Foo {...c} /></p>;\n`;
  expect(codes(tag, 'src/a.tsx')).toEqual([]);
  const exit = 'const f = <T,>(x: T) => {\nprocess.exit(0);\n};\n';
  expect(codes(exit, 'src/a.tsx')).toContain('touches-exit:2');
  expect(codes('const f = async <T extends X>(process: T) => process(1);\n', 'src/a.ts')).toEqual([]);
});

test('only new lines count, and tests may assert', () => {
  expect(codes('process.exit(1);\n// new\n', 'src/cli.js', 'process.exit(1);\n')).toEqual([]);
  expect(codes("const assert = require('node:assert');\n", 'test/a.js')).toEqual([]);
  expect(
    codes('run({ env: { ...process.env } }); globalThis.fetch = f; Date.now = g;\n', 'test/a.js'),
  ).toEqual([]);
  expect(codes('process.exit(0);\n', 'test/a.js')).toEqual(['touches-exit:1']);
});

test('what spans lines is new where any of them is', () => {
  expect(codes('process\n.exit(0)\n', 'src/a.js', 'process\n.cwd()\n')).toEqual(['touches-exit:2']);
  expect(codes('process\n.exit(0)\n', 'src/a.js', 'child\n.exit(0)\n')).toEqual(['touches-exit:1']);
  const taken = 'const {\n  argv,\n} = process;\n';
  expect(codes(taken.replace('argv', 'exit'), 'src/a.js', taken)).toEqual(['touches-exit:2']);
  expect(codes('process\n.exit(0)\na()\n', 'src/a.js', 'process\n.exit(0)\n')).toEqual([]);
});

test('the line is shown as it is meant', () => {
  const [doubt] = marks('src/a.js', null, "a(); // fine\nif (b) pr\\u006fcess['exit'](0);\n");
  expect(doubt).toMatchObject({ line: 2, text: expect.stringContaining("`if(b)process['exit'](0);`") });
});
