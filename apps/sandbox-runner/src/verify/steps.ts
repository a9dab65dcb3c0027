// What came of each step of a test command of several (`xo && ava && tsd`), in words. Pure.

const MAX_STEP = 80;
const MAX_STEPS = 4;

const named = (steps: readonly string[]): string => {
  const shown = steps
    .slice(0, MAX_STEPS)
    .map((step) => `\`${step.length > MAX_STEP ? `${step.slice(0, MAX_STEP)}…` : step}\``);
  const all = steps.length > MAX_STEPS ? [...shown, `${steps.length - MAX_STEPS} more`] : shown;
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
};

/**
 * Which step failed, of which `passed` before it did not; null where that is not known, or there is one step. `end`: how it failed.
 */
export function stepsText(steps: readonly string[], passed: number | null, end = 'failed'): string | null {
  const failed = passed === null || steps.length < 2 ? undefined : steps[passed];
  if (failed === undefined || passed === null) return null;
  const [before, after] = [steps.slice(0, passed), steps.slice(passed + 1)];
  return [
    `${named([failed])} ${end}`,
    before.length === 0 ? '' : `before it ${named(before)} passed`,
    after.length === 0 ? '' : `${named(after)} ${after.length === 1 ? 'was' : 'were'} not run`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** The same of a run whose base did not end well either: whether it failed in the same step there. */
export function stepsBesideBase(
  steps: readonly string[],
  { passed, base, end }: { passed: number | null; base: number | null; end?: string },
): string | null {
  const text = stepsText(steps, passed, end);
  const there = base === null ? undefined : steps[base];
  if (text === null || there === undefined) return text;
  return base === passed
    ? `${text}; so it is on the base`
    : `${text}; on the base it is ${named([there])} that fails`;
}
