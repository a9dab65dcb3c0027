// mocha: put into its own lib/mocha.js. It listens beside the reporter that was asked for; tests run in the same process (but for
// --parallel), so only what was taken before they load can be relied on.
'use strict';
const { open, take } = require('./session.cjs');

module.exports = (Mocha) => {
  open('mocha');
  const session = take();
  if (session === null) return;
  const { emit, end, file, canaries } = session;
  const said = (error) => (error === undefined || error === null ? '' : (error.message ?? error));
  const listen = (runner) => {
    const record = (test, state, error) =>
      emit('test', test.titlePath().join(' > '), file(test.file), state, said(error));
    runner.on('pass', (test) => record(test, 'pass'));
    runner.on('fail', (test, error) => record(test, 'fail', error));
    runner.on('pending', (test) => record(test, test.fn === undefined ? 'todo' : 'skip'));
    runner.once('end', () => end());
  };
  const unbail = (suite) => {
    suite.bail(false);
    for (const child of suite.suites) unbail(child);
  };
  const { run } = Mocha.prototype;
  Mocha.prototype.run = function (...args) {
    const Reporter = this._reporter;
    this._reporter = function Listened(runner, options) {
      listen(runner);
      // The reporter that was asked for is the reporter.
      return new Reporter(runner, options);
    };
    if (canaries) {
      this.options.bail = false;
      unbail(this.suite);
    }
    return run.apply(this, args);
  };
};
