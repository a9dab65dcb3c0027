// vitest: this runs in its main process; test files run in forks or threads. `onFinished` up to vitest 3, `onTestRunEnd` after.
import { createRequire } from 'node:module';

const { take } = createRequire(import.meta.url)('./session.cjs');

export default class VitestReporter {
  #session = take();

  /** A snapshot that is not there is no pass. */
  onInit(vitest) {
    const configs = [vitest.config, ...(vitest.projects ?? []).map((project) => project.config)];
    for (const config of configs)
      if (config?.snapshotOptions !== undefined) config.snapshotOptions.updateSnapshot = 'none';
  }

  #end() {
    this.#session?.end();
    this.#session = null;
  }

  onTestRunEnd(modules = [], errors = []) {
    const session = this.#session;
    if (session === null) return;
    for (const module of modules) {
      const file = session.file(module.moduleId);
      for (const test of module.children.allTests()) {
        const { state, errors: failures = [] } = test.result() ?? {};
        const mode = test.options?.mode;
        const known = { passed: 'pass', failed: 'fail', skipped: mode === 'todo' ? 'todo' : 'skip' };
        session.emit('test', names(test), file, known[state] ?? 'skip', failures?.[0]?.message ?? '');
      }
      for (const suite of module.children.allSuites?.() ?? [])
        for (const error of suite.errors?.() ?? [])
          session.emit('test', names(suite), file, 'fail', error?.message ?? '');
      for (const error of module.errors?.() ?? [])
        session.emit('file', file, file, 'fail', error?.message ?? '');
    }
    for (const error of errors) session.emit('file', '', '', 'fail', error?.message ?? '');
    this.#end();
  }

  onFinished(files = [], errors = []) {
    const session = this.#session;
    if (session === null) return;
    const walk = (task, path, file) => {
      const here = [...path, task.name];
      if (task.tasks !== undefined && task.type === 'suite') {
        if (task.result?.errors?.length > 0)
          session.emit('test', here.join(' > '), file, 'fail', task.result.errors[0]?.message ?? '');
        for (const child of task.tasks) walk(child, here, file);
        return;
      }
      const state =
        { pass: 'pass', fail: 'fail' }[task.result?.state] ?? (task.mode === 'todo' ? 'todo' : 'skip');
      session.emit('test', here.join(' > '), file, state, task.result?.errors?.[0]?.message ?? '');
    };
    for (const module of files) {
      const file = session.file(module.filepath);
      for (const error of module.result?.errors ?? [])
        session.emit('file', file, file, 'fail', error?.message ?? '');
      for (const task of module.tasks ?? []) walk(task, [], file);
    }
    for (const error of errors) session.emit('file', '', '', 'fail', error?.message ?? '');
    this.#end();
  }
}

function names(task) {
  const path = [];
  for (let at = task; at !== undefined && at.type !== 'module'; at = at.parent) path.unshift(at.name);
  return path.join(' > ');
}
