// A program of an acceptance check says, under its key and at its own end, that it came there: its last statement was reached, nothing was
// left to do, and its exit code was 0. Code of the tree that ends the process before, answers its errors or changes its exit code does not
// bring it there. Loaded by the check's first line, before anything of the tree.
'use strict';
const { resolve } = require('node:path');
const { open, take } = require('./session.cjs');

const ROOT = '@ROOT@';
const script = process.argv[1];
const main = script === undefined || script === '-' ? '-' : resolve(script);
const mine = main === '-' || main.startsWith(`${ROOT}/`);
// A file of the check's is its own program also where `node --test` starts it; in a runner's own process the runner's report speaks.
const session = mine && open('check', true) !== null ? take() : null;
const exit = process.exit.bind(process);
const reallyExit = process.reallyExit.bind(process);
const write = process.stderr.write.bind(process.stderr);

let reached = false;
let drained = false;
let own = false;
let handed = false;

if (session !== null) {
  const broken = (error) => {
    write(`${error?.stack ?? error}\n`);
    reallyExit(1);
  };
  process.setUncaughtExceptionCaptureCallback(broken);
  process.on('unhandledRejection', broken);
  process.on('beforeExit', () => {
    drained = true;
  });
  process.on('exit', (code) => {
    if (!code && (own || (reached && drained))) session.end();
  });
}

const nothing = Object.assign(() => undefined, { exit });

/** For the file's own last statement; the check's program alone gets one that counts. */
module.exports = (file) => {
  if (session === null || handed || (file === '-' ? main !== '-' : resolve(ROOT, file) !== main))
    return nothing;
  handed = true;
  const said = () => {
    reached = true;
  };
  return Object.assign(said, {
    exit: (code) => {
      own = !code;
      exit(code);
    },
  });
};
