import { SOURCE } from './cheats.ts';
import {
  approves,
  checks,
  goesWell,
  implements_,
  plans,
  type Script,
  says,
  tasksOf,
} from './conversations.ts';

// The tickets of planning.e2e.test.ts and what their models say. Tickets are told apart by their titles.

export const TIMES = { path: 'src/sum.js', text: `${SOURCE}exports.times = (a, b) => a * b;\n` };
export const LESS = { path: 'src/less.js', text: 'exports.less = (a, b) => a < b;\n' };
export const MORE = { path: 'src/more.js', text: 'exports.more = (a, b) => a > b;\n' };
/** Calls: of two declarations there both would stand. */
const NAMES = { zero: 'Object.assign(exports, { zero: 0 });', one: 'Object.assign(exports, { one: 1 });' };
export const BOTH = { path: 'src/sum.js', text: `${NAMES.zero}\n${NAMES.one}\n${SOURCE}` };
export const PROTECTED = { path: 'migrations/1.sql', text: 'CREATE TABLE sum (a INTEGER);\n' };

export const TITLE = {
  sideBySide: 'Compare',
  conflict: 'Name zero and one',
  question: 'Multiply, somehow',
  badPlans: 'Multiply in a circle',
  approved: 'Keep sums',
  denied: 'Keep sums, again',
  cancelled: 'Sleep on it',
  wiped: 'Multiply though the queue is wiped',
  twice: 'Multiply once',
  checkedOut: 'Multiply beside a checkout',
  protectedBranch: 'Multiply beside a protected branch',
  refused: 'Multiply where nobody may push',
};

const judged = (title: string): Script[] => [approves(title), checks(title)];
const onTop = (line: string) => ({ path: 'src/sum.js', text: `${line}\n${SOURCE}` });

/** Twice the same plan, refused, with the words in which it is. */
const badPlans = says('plan', TITLE.badPlans, [
  { tools: [{ submit: tasksOf({ id: 'a', dependsOn: ['b'] }, { id: 'b', dependsOn: ['a'] }) }] },
  { expect: ['in a circle: a → b → a'], tools: [{ submit: tasksOf({ id: 'a', dependsOn: ['gone'] }) }] },
  {
    expect: ['depends on gone, which is not a task'],
    tools: [{ submit: tasksOf(...Array.from({ length: 9 }, (_, n) => ({ id: `t${n}` }))) }],
  },
  { expect: ['9 tasks are too many'], tools: [{ submit: tasksOf({ id: 'fix' }) }] },
]);

const question = (attempt: number, submit: Record<string, unknown>) =>
  says('plan', TITLE.question, [{ tools: [{ submit }] }], { attempt });

export const SCRIPTS: readonly Script[] = [
  plans(TITLE.sideBySide, { id: 'less' }, { id: 'more' }),
  implements_(TITLE.sideBySide, [LESS], { when: { task: 'less' }, bash: 'sleep 1' }),
  implements_(TITLE.sideBySide, [MORE], { when: { task: 'more' }, bash: 'sleep 1' }),
  ...judged(TITLE.sideBySide),

  plans(TITLE.conflict, { id: 'zero' }, { id: 'one' }),
  implements_(TITLE.conflict, [onTop(NAMES.zero)], { when: { task: 'zero' } }),
  implements_(TITLE.conflict, [onTop(NAMES.one)], { when: { task: 'one', attempt: 1 } }),
  says(
    'implement',
    TITLE.conflict,
    [
      { expect: ['src/sum\\.js'], tools: [{ bash: 'cat src/sum.js' }] },
      {
        expect: ['^<<<<<<<', 'zero: 0', '^=======', 'one: 1', '^>>>>>>>'],
        tools: [{ edit: { command: 'create', path: '/workspace/src/sum.js', file_text: BOTH.text } }],
      },
      { tools: [{ submit: { summary: 'Both.', commitMessage: 'Name both' } }] },
    ],
    { task: 'one', attempt: 2 },
  ),
  says(
    'review',
    TITLE.conflict,
    [
      {
        expect: ['judge those places alone', '^-<<<<<<< zero', '<earlier attempt="1">\napprove'],
        tools: [{ submit: { verdict: 'approve', summary: 'Both are there.', findings: [] } }],
      },
    ],
    { task: 'one', attempt: 2 },
  ),
  ...judged(TITLE.conflict),

  question(1, { summary: 'Unclear.', question: 'By adding, or by *?' }),
  question(2, tasksOf({ id: 'fix' })),
  implements_(TITLE.question, [TIMES]),
  ...judged(TITLE.question),

  badPlans,
  implements_(TITLE.badPlans, [TIMES]),
  ...judged(TITLE.badPlans),

  ...goesWell(TITLE.approved, [PROTECTED]),
  ...goesWell(TITLE.denied, [PROTECTED]),

  plans(TITLE.cancelled),
  implements_(TITLE.cancelled, [TIMES], { bash: 'sleep 100' }),

  plans(TITLE.wiped),
  implements_(TITLE.wiped, [TIMES], { bash: 'sleep 3' }),
  ...judged(TITLE.wiped),

  ...goesWell(TITLE.twice, [TIMES]),
  ...goesWell(TITLE.checkedOut, [TIMES]),
  ...goesWell(TITLE.protectedBranch, [TIMES]),
  ...goesWell(TITLE.refused, [TIMES]),
];
