// mocha: this runs in the same process as the tests (unless --parallel), so only what was taken before they load can be relied on.
'use strict';
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { realpathSync } = require('node:fs');
const { takeSession } = require('./hook.cjs');

const session = takeSession('mocha');
const Spec = specOf(realpathSync(process.argv[1]));

/** The human reporter of the mocha that is running; it moved between versions. */
function specOf(script) {
  const home = script.replace(/\/mocha\/(bin|lib)\/.*$/, '/mocha');
  const from = createRequire(join(home, 'package.json'));
  const loaded = from('./lib/reporters/spec.js');
  return loaded.Spec ?? loaded.default ?? loaded;
}

module.exports = class MochaReporter {
  constructor(runner, options) {
    this.human = new Spec(runner, options);
    if (session === null) return;
    const { emit, file } = session;
    const record = (test, state, error) => {
      const path = test.titlePath().join(' > ').slice(0, 1000);
      const message = state === 'fail' ? String(error?.message ?? error ?? '').slice(0, 300) : '';
      emit({ t: 'test', name: path, file: file(test.file), state, message });
    };
    runner.on('pass', (test) => record(test, 'pass'));
    runner.on('fail', (test, error) => record(test, 'fail', error));
    runner.on('pending', (test) => record(test, test.fn === undefined ? 'todo' : 'skip'));
    runner.once('end', () => emit({ t: 'end' }));
  }

  done(failures, end) {
    if (typeof this.human.done === 'function') this.human.done(failures, end);
    else end(failures);
  }
};
