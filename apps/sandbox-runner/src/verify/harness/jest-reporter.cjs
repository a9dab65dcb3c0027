// jest: this runs in its main process; test files run in vm contexts there or in workers.
'use strict';
const { takeSession } = require('./hook.cjs');

const session = takeSession('jest');
const STATES = { passed: 'pass', failed: 'fail', todo: 'todo' };
const text = (message) => String(message ?? '').slice(0, 300);

module.exports = class JestReporter {
  onRunComplete(_contexts, results) {
    if (session === null) return;
    for (const suite of results.testResults) {
      const file = session.file(suite.testFilePath);
      // What broke the file itself: a syntax error, a missing module, a hook outside any test.
      const broken =
        suite.testExecError ?? (suite.testResults.length === 0 ? suite.failureMessage : undefined);
      if (broken !== undefined && broken !== null)
        session.emit({ t: 'file', name: file, file, state: 'fail', message: text(broken.message ?? broken) });
      for (const test of suite.testResults) {
        const name = [...(test.ancestorTitles ?? []), test.title].join(' > ').slice(0, 1000);
        const state = STATES[test.status] ?? 'skip';
        session.emit({
          t: 'test',
          name,
          file,
          state,
          message: state === 'fail' ? text(test.failureMessages?.[0]) : '',
        });
      }
    }
    session.emit({ t: 'end' });
  }
};
