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
