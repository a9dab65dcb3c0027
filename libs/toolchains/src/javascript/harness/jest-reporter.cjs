// jest: this runs in its main process; test files run in vm contexts there or in workers.
'use strict';
const { take } = require('./session.cjs');

const session = take();
const STATES = { passed: 'pass', failed: 'fail', todo: 'todo' };

module.exports = class JestReporter {
  onRunComplete(_contexts, results) {
    if (session === null) return;
    for (const suite of results.testResults) {
      const file = session.file(suite.testFilePath);
      // What broke the file itself: a syntax error, a missing module, a hook outside any test.
      const broken =
        suite.testExecError ?? (suite.testResults.length === 0 ? suite.failureMessage : undefined);
      if (broken !== undefined && broken !== null)
        session.emit('file', file, file, 'fail', broken.message ?? broken);
      for (const test of suite.testResults)
        session.emit(
          'test',
          [...(test.ancestorTitles ?? []), test.title].join(' > '),
          file,
          STATES[test.status] ?? 'skip',
          test.failureMessages?.[0] ?? '',
        );
    }
    session.end();
  }
};
