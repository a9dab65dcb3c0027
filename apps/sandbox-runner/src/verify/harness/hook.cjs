// Loaded before anything else in every node process of the test command. In a known runner's main process it puts our
// reporter in, and holds the key that authenticates the report. Everything it needs later is taken now, before code of the
// tree under test can replace it.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { createHmac } = require('node:crypto');

const { readFileSync, unlinkSync, openSync, closeSync, writeSync, realpathSync } = fs;
const { stringify } = JSON;
const { basename, join, relative, resolve } = path;
const folder = process.env.MILLWRIGHT_FOLDER ?? '';
const root = process.env.MILLWRIGHT_ROOT ?? process.cwd();
const canaries = process.env.MILLWRIGHT_MODE === 'canary';
const acceptance = process.env.MILLWRIGHT_MODE === 'acceptance';
const CHECKS = '.millwright-checks';
const exit = process.reallyExit.bind(process);

/** The known runner that this process is the main process of, or null. */
function runnerHere() {
  if (process.env.NODE_TEST_CONTEXT !== undefined) return null;
  if (process.execArgv.includes('--test')) return 'node';
  let script;
  try {
    script = realpathSync(process.argv[1] ?? '');
  } catch {
    return null; // `node -e`, standard input, or a file that is not there: not a runner.
  }
  if (/\/vitest\/(vitest\.mjs|dist\/cli\.js)$/.test(script)) return 'vitest';
  if (/\/(jest|jest-cli)\/bin\/jest\.js$/.test(script)) return 'jest';
  if (/\/mocha\/(bin\/_?mocha(\.js|\.mjs)?|lib\/cli\/cli\.(js|mjs))$/.test(script)) return 'mocha';
  return null;
}

// A script often checks style and types beside running the tests; the canary run is for the tests alone.
const BESIDE =
  /^(eslint|standard|semistandard|xo|prettier|tsc|biome|nyc|c8|tshy|ts-standard|cspell|knip|publint|attw)(\.[cm]?js)?$/;

/** Arguments without the given options; `valued` ones take the next argument unless written `--x=y`. */
function without(args, valued, flags) {
  const kept = [];
  for (let i = 0; i < args.length; i++) {
    const name = args[i].split('=', 1)[0];
    if (flags.includes(name)) continue;
    if (valued.includes(name)) {
      if (!args[i].includes('=')) i++;
      continue;
    }
    kept.push(args[i]);
  }
  return kept;
}

let session = null;
/**
 * Opens this process's report, once: the first caller (our reporter, loaded before any test) gets it, every later one null.
 * A key is a file that is read and removed here; each line is `hmac json`, numbered, so that nothing can be added or left out.
 */
function takeSession(runner) {
  if (session !== null) return null;
  let key = null;
  let index = 0;
  for (; index < 256 && key === null; index++) {
    const file = join(folder, `key-${index}`);
    try {
      key = readFileSync(file);
      unlinkSync(file);
    } catch {
      key = null; // Taken by an earlier session, or never laid.
    }
  }
  if (key === null) {
    // More runners than the base had. Nothing is believed of it; it only says that this run cannot teach what a later base has.
    closeSync(openSync(join(folder, 'more'), 'a'));
    return null;
  }
  const fd = openSync(join(folder, `report-${index - 1}`), 'ax', 0o600);
  let seq = 0;
  session = {
    emit(record) {
      const line = stringify([seq++, record]);
      writeSync(fd, `${createHmac('sha256', key).update(line).digest('hex')} ${line}\n`);
    },
    file: (name) => (typeof name === 'string' && name !== '' ? relative(root, resolve(root, name)) : ''),
  };
  session.emit({ t: 'start', runner });
  // A must-fail test must not end a command of several steps before its last.
  if (canaries) process.on('exit', () => exit(0));
  return session;
}

const runner = runnerHere();
const tool = basename(process.argv[1] ?? '');
if (canaries && BESIDE.test(tool)) process.on('exit', () => exit(0));
if (runner !== null && runner !== 'node') {
  const all = process.argv.slice(2);
  const end = all.includes('--') ? all.indexOf('--') : all.length;
  const args = all.slice(0, end);
  const ours = join(__dirname, `${runner}-reporter.${runner === 'vitest' ? 'mjs' : 'cjs'}`);
  // A must-fail test must not stop the others, so no bail; the options of the command line win over every configuration file.
  const options = {
    vitest: () => [
      ...without(args, ['--reporter', '--bail', '--outputFile'], []),
      ...['--reporter=default', `--reporter=${ours}`, '--bail=0'],
    ],
    jest: () => [
      ...without(args, ['--reporters'], ['--bail', '-b']),
      ...['--reporters=default', `--reporters=${ours}`, '--bail=0'],
    ],
    mocha: () => [
      ...without(
        args,
        ['--reporter', '-R', '--reporter-option', '--reporter-options', '-O'],
        ['--bail', '-b'],
      ),
      ...['--reporter', ours, '--no-bail'],
    ],
  };
  process.argv.splice(2, all.length, ...options[runner](), ...all.slice(end));
}
// These start node again through execPath: mocha when it is given flags of node's, the others always.
if (runner === 'mocha' || /^(tsx|ts-node|cli\.mjs)$/.test(tool))
  process.execPath = join(__dirname, 'bin', 'node');

/** Whether this process runs a check of the tester's (or what a check's command gives on the command line), and not a program of the tree's. */
function checkHere() {
  const script = process.argv[1];
  if (script === undefined) return process.execArgv.some((arg) => /^(-e|--eval|-p|--print|-pe)$/.test(arg));
  return resolve(script).startsWith(`${join(root, CHECKS)}/`);
}

/** The file of the tree that a stack comes from, or null when it comes from a check, a package or node itself. */
function treeCaller(stack) {
  for (const line of String(stack).split('\n').slice(1)) {
    const at = /(?:\(|at )(?:file:\/\/)?(\/[^():]+):\d+:\d+\)?$/.exec(line)?.[1];
    if (at === undefined || at === __filename) continue;
    const path = relative(root, at);
    return path.startsWith('..') || path.startsWith(`${CHECKS}/`) || path.includes('node_modules/')
      ? null
      : path;
  }
  return null;
}

// A check has held when it ran to its end. Code of the tree that ends the process before has not met it, whatever the exit code says.
if (acceptance && checkHere()) {
  const check = takeSession('check');
  let left = false;
  const leave = () => {
    const file = treeCaller(new Error().stack);
    if (!left) check?.emit(file === null ? { t: 'end' } : { t: 'exit', file });
    left = true;
  };
  const plainExit = process.exit;
  process.exit = (code) => {
    leave();
    return plainExit.call(process, code);
  };
  process.reallyExit = (code) => {
    leave();
    exit(code);
  };
  process.on('exit', () => {
    if (!left) check?.emit({ t: 'end' });
    left = true;
  });
}

module.exports = { takeSession };
