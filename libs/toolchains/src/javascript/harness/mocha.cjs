// mocha: put into its own lib/mocha.js. It listens beside the reporter that was asked for; tests run in the same process (but for
// --parallel), so only what was taken before they load can be relied on.
'use strict';
const { realpathSync } = require('node:fs');
const { open, take } = require('./session.cjs');

let session = null;
/** Called by lib/cli/cli.js before it reads any configuration: this is the process that runs the tests. */
const begin = () => {
  if (session !== null) return;
  open('mocha');
  session = take();
};

// `mocha` given options of node's starts itself again, and loads the library in both processes; the first of them runs nothing.
const starts = (script) => {
  try {
    return /\/mocha\/bin\/mocha(\.[cm]?js)?$/.test(realpathSync(script));
  } catch {
    return false; // No script: somebody's own program, or none.
  }
};
if (!starts(process.argv[1] ?? '')) begin();

module.exports = (Mocha) => {
  const said = (error) => (error === undefined || error === null ? '' : (error.message ?? error));
  const listen = (runner) => {
    const { emit, end, file } = session;
    const record = (test, state, error) =>
      emit('test', test.titlePath().join(' > '), file(test.file), state, said(error));
    runner.on('pass', (test) => record(test, 'pass'));
    runner.on('fail', (test, error) => record(test, 'fail', error));
    runner.on('pending', (test) => record(test, test.fn === undefined ? 'todo' : 'skip'));
    runner.once('end', () => end());
  };
  const setBail = (suite, bails) => {
    suite.bail(bails);
    for (const child of suite.suites) setBail(child, bails);
  };
  const { run } = Mocha.prototype;
  Mocha.prototype.run = function (...args) {
    if (session === null) return run.apply(this, args);
    const Reporter = this._reporter;
    this._reporter = function Listened(runner, options) {
      listen(runner);
      // The reporter that was asked for is the reporter.
      return new Reporter(runner, options);
    };
    if (session.canaries || session.bails) {
      this.options.bail = session.bails;
      setBail(this.suite, session.bails);
    }
    return run.apply(this, args);
  };
};
module.exports.begin = begin;
