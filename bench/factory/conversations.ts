import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// A small fix of the example shop, said by the recorded model: the implementer needs three calls, nobody runs the tests but the
// factory, so that what the ticket takes beside them can be told.

const TITLE = 'Say which service answers';

export const ticketNamed = (title: string): string => `---
title: ${title}
kind: feature
acceptance:
  - "GET /healthz answers 200 as before"
---

The list of products should say in a comment of its source who looks after it.
`;
export const ticketOf = (nth: number): string => ticketNamed(`${TITLE} ${nth}`);

export const comment = (nth: number) => `echo '// Looked after by team ${nth}.' >> src/catalogue.js`;

type Task = {
  id: string;
  /** What its implementer says: `turns`, and what else a conversation may have. */
  work: object;
};

/** What all roles say to the ticket of that title. `check` is a command that fails before the change. */
export const conversationsOf = (title: string, tasks: readonly Task[], check: string): object[] => {
  const when = { title: `^${title}$` };
  const planned = tasks.map(({ id }) => ({
    ...{ id, title: `Say who looks after ${id}`, instructions: 'Say it in a comment in src.' },
    ...{ dependsOn: [], acceptance: [] },
  }));
  return [
    {
      ...{ role: 'plan', when },
      turns: [
        { tools: [{ bash: 'ls src && cat AGENTS.md' }] },
        { tools: [{ submit: { summary: 'What has to be said.', tasks: planned } }] },
      ],
    },
    ...tasks.map(({ id, work }) => ({ role: 'implement', when: { ...when, task: id }, ...work })),
    {
      ...{ role: 'review', when },
      turns: [{ tools: [{ submit: { verdict: 'approve', summary: 'As asked.', findings: [] } }] }],
    },
    {
      ...{ role: 'test', when },
      turns: [
        {
          tools: [
            {
              submit: { summary: 'One check.', checks: [{ acceptance: 'it is there', command: check }] },
            },
          ],
        },
      ],
    },
    {
      ...{ role: 'deploy', when },
      turns: [{ tools: [{ submit: { notes: 'Nothing that users see.', watch: ['errors'] } }] }],
    },
  ];
};

/** A look, the change in shell, and handed in. */
export const threeTurns = (change: string, commitMessage: string): object => ({
  turns: [
    { tools: [{ bash: 'cat src/catalogue.js' }] },
    { tools: [{ bash: change }] },
    { tools: [{ submit: { summary: 'Said.', commitMessage } }] },
  ],
});

const fix = (nth: number, change: string): object[] =>
  conversationsOf(
    `${TITLE} ${nth}`,
    [{ id: 'fix', work: threeTurns(change, `Say who looks after the catalogue (${nth})`) }],
    `grep -q 'team ${nth}' src/catalogue.js`,
  );

/** What the recorded model says to so many tickets. `change` is the implementer's, in shell. */
export const fixes = (tickets: number, change = comment): object[] =>
  Array.from({ length: tickets }, (_, at) => fix(at + 1, change(at + 1))).flat();

export function writeConversations(folder: string, all: readonly object[]): void {
  mkdirSync(folder, { recursive: true });
  // JSON is YAML.
  writeFileSync(join(folder, 'bench.yaml'), all.map((one) => `---\n${JSON.stringify(one)}\n`).join(''));
}
