import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// A small fix of the example shop, said by the recorded model: the implementer needs three calls, nobody runs the tests but the
// factory, so that what the ticket takes beside them can be told.

const TITLE = 'Say which service answers';

export const ticketOf = (nth: number): string => `---
title: ${TITLE} ${nth}
kind: feature
acceptance:
  - "GET /healthz answers 200 as before"
---

The list of products should say in a comment of its source who looks after it.
`;

export const comment = (nth: number) => `echo '// Looked after by team ${nth}.' >> src/catalogue.js`;

const scripts = (nth: number, change: string): object[] => {
  const when = { title: `^${TITLE} ${nth}$` };
  return [
    {
      ...{ role: 'plan', when },
      turns: [
        { tools: [{ bash: 'ls src && cat AGENTS.md' }] },
        {
          tools: [
            {
              submit: {
                summary: 'One task: a comment in the catalogue.',
                tasks: [
                  {
                    ...{
                      id: 'fix',
                      title: 'Say who looks after the catalogue',
                      dependsOn: [],
                      acceptance: [],
                    },
                    instructions: 'Add a comment at the end of src/catalogue.js.',
                  },
                ],
              },
            },
          ],
        },
      ],
    },
    {
      ...{ role: 'implement', when },
      turns: [
        { tools: [{ bash: 'cat src/catalogue.js' }] },
        { tools: [{ bash: change }] },
        {
          tools: [
            { submit: { summary: 'Said.', commitMessage: `Say who looks after the catalogue (${nth})` } },
          ],
        },
      ],
    },
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
              submit: {
                summary: 'One check.',
                checks: [
                  { acceptance: 'the comment is there', command: `grep -q 'team ${nth}' src/catalogue.js` },
                ],
              },
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

/** What the recorded model says to so many tickets. `change` is the implementer's, in shell. */
export const fixes = (tickets: number, change = comment): object[] =>
  Array.from({ length: tickets }, (_, at) => scripts(at + 1, change(at + 1))).flat();

export function writeConversations(folder: string, all: readonly object[]): void {
  mkdirSync(folder, { recursive: true });
  // JSON is YAML.
  writeFileSync(join(folder, 'bench.yaml'), all.map((one) => `---\n${JSON.stringify(one)}\n`).join(''));
}
