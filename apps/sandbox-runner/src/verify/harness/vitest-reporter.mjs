// vitest: this runs in its main process; test files run in forks or threads. `onFinished` up to vitest 3, `onTestRunEnd` after.
import { createRequire } from 'node:module';

const { takeSession } = createRequire(import.meta.url)('./hook.cjs');

export default class VitestReporter {
  #session = takeSession('vitest');

  #finish(records) {
    if (this.#session === null) return;
    for (const record of records) this.#session.emit(record);
    this.#session.emit({ t: 'end' });
    this.#session = null;
  }

  onTestRunEnd(modules = [], errors = []) {
    const records = [];
    for (const module of modules) {
      const file = this.#session?.file(module.moduleId) ?? '';
      for (const test of module.children.allTests()) {
        const { state, errors: failures = [] } = test.result() ?? {};
        const mode = test.options?.mode;
        const known = { passed: 'pass', failed: 'fail', skipped: mode === 'todo' ? 'todo' : 'skip' };
        records.push(line(names(test), file, known[state] ?? 'skip', failures?.[0]?.message));
      }
      for (const suite of module.children.allSuites?.() ?? [])
        for (const error of suite.errors?.() ?? [])
          records.push(line(names(suite), file, 'fail', error?.message));
      for (const error of module.errors?.() ?? []) records.push(fileLine(file, error?.message));
    }
    for (const error of errors) records.push(fileLine('', error?.message));
    this.#finish(records);
  }

  onFinished(files = [], errors = []) {
    const records = [];
    const walk = (task, path, file) => {
      const here = [...path, task.name];
      if (task.tasks !== undefined && task.type === 'suite') {
        if (task.result?.errors?.length > 0)
          records.push(line(here, file, 'fail', task.result.errors[0]?.message));
        for (const child of task.tasks) walk(child, here, file);
        return;
      }
      const state =
        { pass: 'pass', fail: 'fail' }[task.result?.state] ?? (task.mode === 'todo' ? 'todo' : 'skip');
      records.push(line(here, file, state, task.result?.errors?.[0]?.message));
    };
    for (const module of files) {
      const file = this.#session?.file(module.filepath) ?? '';
      for (const error of module.result?.errors ?? []) records.push(fileLine(file, error?.message));
      for (const task of module.tasks ?? []) walk(task, [], file);
    }
    for (const error of errors) records.push(fileLine('', error?.message));
    this.#finish(records);
  }
}

function names(task) {
  const path = [];
  for (let at = task; at !== undefined && at.type !== 'module'; at = at.parent) path.unshift(at.name);
  return path;
}

const text = (message) => String(message ?? '').slice(0, 300);
const line = (path, file, state, message) => ({
  ...{ t: 'test', name: path.join(' > ').slice(0, 1000), file, state },
  message: state === 'fail' ? text(message) : '',
});
const fileLine = (file, message) => ({ t: 'file', name: file, file, state: 'fail', message: text(message) });
