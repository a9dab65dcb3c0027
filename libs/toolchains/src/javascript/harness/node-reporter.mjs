// node --test: this runs in the parent process, which loads no test file (unless isolation is off).

import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const { open, take } = createRequire(import.meta.url)('./session.cjs');
open('node');
const session = take();

export default async function* nodeReporter(source) {
  const open = new Map();
  for await (const { type, data } of source) {
    if (session === null) continue;
    if (type === 'test:start') {
      const names = open.get(data.file) ?? [];
      names.length = data.nesting;
      names.push(data.name);
      open.set(data.file, names);
    } else if (type === 'test:pass' || type === 'test:fail') {
      const names = (open.get(data.file) ?? []).slice(0, data.nesting);
      const failure = data.details?.error;
      const suite = data.details?.type === 'suite';
      const wrapper = data.nesting === 0 && typeof data.file === 'string' && resolve(data.name) === data.file;
      const todo = data.todo !== undefined && data.todo !== false;
      const skip = data.skip !== undefined && data.skip !== false;
      const state = todo ? 'todo' : skip ? 'skip' : type === 'test:pass' ? 'pass' : 'fail';
      // A suite is a name of its own only when it fails by itself, in a hook for instance.
      if (suite && (state !== 'fail' || failure?.failureType === 'subtestsFailed')) continue;
      session.emit(
        wrapper ? 'file' : 'test',
        [...names, data.name].join(' > '),
        session.file(data.file),
        state,
        failure?.cause?.message ?? failure?.message ?? '',
      );
    }
  }
  session?.end();
  yield '';
}
