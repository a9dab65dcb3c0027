import { PlanTask } from '@millwright/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkTasks, findCycle } from './plan-check.ts';

const task = (id: string, ...dependsOn: string[]): PlanTask =>
  PlanTask.parse({ id, title: id, instructions: id, dependsOn, acceptance: [] });

test.each<[string, PlanTask[], string | null]>([
  ['no tasks', [], 'give tasks'],
  ['one', [task('a')], null],
  ['a chain', [task('a'), task('b', 'a'), task('c', 'a', 'b')], null],
  ['too many', ['a', 'b', 'c', 'd'].map((id) => task(id)), '4 tasks are too many; 3 at most'],
  ['the same id twice', [task('a'), task('a')], 'two tasks have the id a'],
  ['itself', [task('a', 'a')], 'task a depends on itself'],
  ['unknown', [task('a'), task('b', 'z')], 'task b depends on z, which is not a task'],
  ['a name that objects have', [task('a', 'constructor')], 'depends on constructor, which is not a task'],
  ['a circle', [task('a', 'c'), task('b', 'a'), task('c', 'b')], 'in a circle: a → c → b → a'],
])('%s', (_, tasks, problem) => {
  const found = checkTasks(tasks, 3);
  if (problem === null) expect(found).toBeNull();
  else expect(found).toContain(problem);
});

const naming = (id: string, instructions: string, more: object = {}): PlanTask =>
  PlanTask.parse({ id, title: id, instructions, ...more });

test.each<[string, PlanTask[], string | null]>([
  [
    'is named by both',
    [naming('a', 'Add a to `src/index.js`.'), naming('b', 'Export b in src/index.js, as a is.')],
    'tasks a and b are made side by side and both name src/index.js: give it to one of them',
  ],
  [
    'has a place in one alone',
    [naming('a', 'x.ts', { places: ['x.ts: below B'] }), naming('b', 'x.ts')],
    'both name x.ts',
  ],
  [
    'has a place for each',
    [
      naming('a', 'x.ts', { places: ['x.ts: below B'] }),
      naming('b', 'x.ts', { places: ['x.ts: reads only'] }),
    ],
    null,
  ],
  ['is touched in order', [naming('a', 'x.ts'), naming('b', 'x.ts', { dependsOn: ['a'] })], null],
  [
    'is touched in order, by way of another',
    [
      naming('a', 'x.ts'),
      naming('b', 'y.ts', { dependsOn: ['a'] }),
      naming('c', 'x.ts', { dependsOn: ['b'] }),
    ],
    null,
  ],
  ['is a document', [naming('a', 'A line in CHANGELOG.md'), naming('b', 'A line in CHANGELOG.md')], null],
  ['is another', [naming('a', 'lib/x.ts and test/a.js'), naming('b', 'x.ts and test/b.js')], null],
  ['is no file', [naming('a', 'options.decode'), naming('b', 'options.decode, e.g. now')], null],
])('a file that %s', (_, tasks, problem) => {
  const found = checkTasks(tasks, 9);
  if (problem === null) expect(found).toBeNull();
  else expect(found).toContain(problem);
});

const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
const graph = fc.array(fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids)), { maxLength: 14 });

/** The other way to know: take out, again and again, whatever depends on nothing that is left. */
function hasOrder(tasks: readonly PlanTask[]): boolean {
  let left = [...tasks];
  for (;;) {
    const rest = left.filter((one) => one.dependsOn.some((id) => left.some((other) => other.id === id)));
    if (rest.length === left.length) return left.length === 0;
    left = rest;
  }
}

test('a cycle is found exactly when there is no order, and what is named is a cycle', () => {
  fc.assert(
    fc.property(graph, (edges) => {
      const tasks = ids.map((id) =>
        task(id, ...new Set(edges.filter(([from]) => from === id).map(([, to]) => to))),
      );
      const cycle = findCycle(tasks);
      expect(cycle === null).toBe(hasOrder(tasks));
      if (cycle === null) return;
      expect(cycle[0]).toBe(cycle.at(-1));
      for (const [index, id] of cycle.slice(0, -1).entries())
        expect(tasks.find((one) => one.id === id)?.dependsOn).toContain(cycle[index + 1]);
    }),
    { numRuns: 500 },
  );
});
