// What a step means at each gate, by the policy that is built in: docs/steps.md, which the test beside this holds it to.

const WHO = {
  start: {
    name: 'start a run that a trusted person asked for',
    by: ['person', 'person', 'person', 'person', 'person', 'alone', 'alone', 'alone'],
  },
  alert: {
    name: 'start a run that nobody asked for (an alert)',
    by: ['never', 'never', 'never', 'never', 'never', 'person', 'known kinds alone', 'alone'],
  },
  mergeWords: {
    name: 'merge documents, comments or tests only',
    by: ['person', 'person', 'person', 'alone', 'alone', 'alone', 'alone', 'alone'],
  },
  mergeLow: {
    name: 'merge low risk',
    by: ['person', 'person', 'person', 'person', 'person', 'person', 'alone', 'alone'],
  },
  mergeRaised: {
    name: 'merge raised risk',
    by: ['person', 'person', 'person', 'person', 'person', 'person', 'person', 'alone'],
  },
  deployWords: {
    name: 'deploy documents, comments or tests only',
    by: ['person', 'person', 'person', 'person', 'person', 'person', 'alone', 'alone'],
  },
  deployLow: {
    name: 'deploy low risk',
    by: ['person', 'person', 'person', 'person', 'person', 'person', 'alone', 'alone'],
  },
  deployRaised: {
    name: 'deploy raised risk, its undo rehearsed',
    by: ['person', 'person', 'person', 'person', 'person', 'person', 'person', 'alone'],
  },
} as const;

/** The table's rows that differ from step to step: a gate, and who lets it pass at each. */
export const STEP_ROWS: readonly { name: string; by: readonly string[] }[] = Object.values(WHO);

export type Differs = { name: string; was: string; will: string };

/** What is decided by somebody else once the step is another one. */
export const between = (from: number, to: number): Differs[] =>
  STEP_ROWS.flatMap(({ name, by }) => {
    const [was = '', will = ''] = [by[from], by[to]];
    return was === will ? [] : [{ name, was, will }];
  });
