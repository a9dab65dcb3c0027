import { createHash } from 'node:crypto';
import { AttemptSpec, GitSha, type Role, type SpecOf, testReport } from '@millwright/domain';

// Attempt specs for tests: whole and valid, with what the test says put over.

const digest = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const sha = (text: string) => createHash('sha1').update(text).digest('hex');

const task = {
  id: 'a',
  title: 'Double',
  instructions: 'Make double(2) answer 4.',
  dependsOn: [],
  acceptance: ['double(2) is 4'],
};
const plan = { kind: 'tasks', summary: 'One task.', tasks: [task] };

const OF_ROLE: Record<Role, Record<string, unknown>> = {
  plan: { maxTasks: 4, answers: [], evidence: [] },
  implement: { plan, task, from: sha('base'), start: sha('base'), feedback: [], triesLeft: 3 },
  review: {
    plan,
    task,
    patch: digest('patch'),
    patchId: sha('patch'),
    paths: [],
    from: sha('base'),
    tree: sha('tree'),
    said: { summary: 'Doubled.', commitMessage: 'Double the number' },
    earlier: [],
    interdiff: null,
    open: [],
    tested: testReport({ tree: GitSha.parse(sha('tree')), verdict: 'passed', reason: 'Every test passed.' }),
    triesLeft: 3,
  },
  test: { plan, tree: null, changed: [], checks: null },
  deploy: {
    plan,
    patch: digest('patch'),
    release: 'rel_0123456789abcdef',
    commit: sha('commit'),
    tree: sha('tree'),
    changed: [],
    before: null,
  },
};

export function specOf<R extends Role>(role: R, over: Record<string, unknown> = {}): SpecOf<R> {
  return AttemptSpec.parse({
    attempt: 'att_0123456789abcdef',
    run: 'run_0123456789abcdef',
    repo: 'shop',
    ticket: {
      title: 'Double the numbers',
      kind: 'feature',
      body: 'double(n) should answer 2n.',
      acceptance: ['double(2) is 4'],
    },
    config: { test: 'sh test.sh' },
    source: { bundle: digest('bundle'), trees: [sha('base')] },
    baseTree: sha('base'),
    limits: { turns: 20, wallMs: 3_600_000, usd: 5 },
    budgets: ['factory'],
    deadline: 10_000_000_000_000,
    role,
    ...OF_ROLE[role],
    ...over,
  }) as SpecOf<R>;
}
