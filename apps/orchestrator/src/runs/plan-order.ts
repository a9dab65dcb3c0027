import { type PlanTask, terminal } from '@millwright/domain';

/** The plan's tasks, each after all that it depends on, otherwise in the planner's order. Throws on a cycle or an unknown dependency: the planner was told so before. */
export function inOrder(tasks: readonly PlanTask[]): PlanTask[] {
  const sorted: PlanTask[] = [];
  const rest = [...tasks];
  while (rest.length > 0) {
    const index = rest.findIndex((task) =>
      task.dependsOn.every((id) => sorted.some((done) => done.id === id)),
    );
    const [next] = index < 0 ? [] : rest.splice(index, 1);
    if (!next)
      throw terminal(
        'bad-plan',
        `these tasks depend on each other or on an unknown one: ${rest.map((task) => task.id).join(', ')}`,
      );
    sorted.push(next);
  }
  return sorted;
}
