import type { PlanTask } from '@millwright/domain';

// What a schema cannot say of a plan. Pure.

/** Says what is wrong with the tasks, in words for the planner, or null. Order of checks: count, ids, dependencies, cycles. */
export function checkTasks(tasks: readonly PlanTask[], maxTasks: number): string | null {
  if (tasks.length === 0) return 'give tasks, or a question instead';
  if (tasks.length > maxTasks)
    return `${tasks.length} tasks are too many; ${maxTasks} at most. Merge those that belong together`;
  const byId = new Map<string, PlanTask>();
  for (const task of tasks) {
    if (byId.has(task.id)) return `two tasks have the id ${task.id}`;
    byId.set(task.id, task);
  }
  for (const task of tasks) {
    for (const needed of task.dependsOn) {
      if (needed === task.id) return `task ${task.id} depends on itself`;
      if (!byId.has(needed))
        return `task ${task.id} depends on ${needed}, which is not a task; there are ${[...byId.keys()].join(', ')}`;
    }
  }
  const cycle = findCycle(tasks);
  if (cycle !== null) return `tasks depend on each other in a circle: ${cycle.join(' → ')}`;
  return sharedFile(tasks);
}

/** Paths of code and configuration. Documents are not among them: lines that several tasks add to one stand side by side anyway. */
const PATHS =
  /(?<![\w@/.-])(?:[\w@-][\w@.-]*\/)*[\w@-][\w@.-]*\.(?:[cm]?[jt]sx?|json|ya?ml|toml|css|html|vue|svelte|py|go|rs|rb|php|java|kt|cs|sh|sql)\b/g;

const pathsIn = ({ instructions }: PlanTask): Set<string> => new Set(instructions.match(PATHS));

const hasPlace = ({ places = [] }: PlanTask, path: string): boolean =>
  places.some((place) => place.startsWith(`${path}:`));

/** Two tasks that are made side by side and both name a file of which neither has a place meet there: an implementer, tests and a review more. */
function sharedFile(tasks: readonly PlanTask[]): string | null {
  const after = (task: PlanTask, other: PlanTask): boolean =>
    task.dependsOn.some((id) => id === other.id || tasks.some((one) => one.id === id && after(one, other)));
  for (const [index, task] of tasks.entries())
    for (const other of tasks.slice(index + 1)) {
      if (after(task, other) || after(other, task)) continue;
      const named = pathsIn(other);
      const path = [...pathsIn(task)].find(
        (one) => named.has(one) && !(hasPlace(task, one) && hasPlace(other, one)),
      );
      if (path !== undefined)
        return `tasks ${task.id} and ${other.id} are made side by side and both name ${path}: give it to one of them, let one depend on the other, or say in \`places\` of each where in it that one writes (\`${path}: …\`; "reads only" will do)`;
    }
  return null;
}

/** The ids along a cycle, its first repeated at the end, or null. */
export function findCycle(tasks: readonly Pick<PlanTask, 'id' | 'dependsOn'>[]): string[] | null {
  const needs = new Map(tasks.map((task) => [task.id as string, task.dependsOn as readonly string[]]));
  const done = new Set<string>();
  const walk = (id: string, path: readonly string[]): string[] | null => {
    const at = path.indexOf(id);
    if (at !== -1) return [...path.slice(at), id];
    if (done.has(id)) return null;
    for (const next of needs.get(id) ?? []) {
      const found = walk(next, [...path, id]);
      if (found !== null) return found;
    }
    done.add(id);
    return null;
  };
  for (const id of needs.keys()) {
    const found = walk(id, []);
    if (found !== null) return found;
  }
  return null;
}
