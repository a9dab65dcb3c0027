import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Conversation } from '@millwright/agents/recorded';

// What a test's scripted model says, as conversations of the recorded model. JSON is YAML, so that a test can write them down as it
// made them; docs/recorded-model.md has the form for people.

export type Turn = Partial<Conversation['turns'][number]>;
export type Script = Pick<Conversation, 'role'> & {
  when: Conversation['when'];
  turns: Turn[];
  repeat?: boolean;
  handover?: string;
};
type When = Omit<Conversation['when'], 'title'>;

/** An edit of the text editor's tool: a whole file, or one place of it. */
export type Edit = { path: string } & ({ text: string } | { replace: string; by: string });

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const titled = (title: string, when: When = {}): Script['when'] => ({
  title: `^${escaped(title)}$`,
  ...when,
});
const at = (path: string) => `/workspace/${path}`;

export const edit = (one: Edit): { edit: Record<string, unknown> } => ({
  edit:
    'text' in one
      ? { command: 'create', path: at(one.path), file_text: one.text }
      : { command: 'str_replace', path: at(one.path), old_str: one.replace, new_str: one.by },
});

export type Task = { id: string; dependsOn?: string[]; acceptance?: string[] };

export const tasksOf = (...tasks: Task[]) => ({
  summary: `${tasks.length} to do`,
  tasks: tasks.map(({ id, dependsOn = [], acceptance = [] }) => ({
    ...{ id, title: `Do ${id}`, instructions: `What the ticket says of ${id}.`, dependsOn, acceptance },
  })),
});

/** A planner that hands in one plan, of one task named `fix` where none is given. */
export const plans = (title: string, ...tasks: Task[]): Script => ({
  role: 'plan',
  when: titled(title),
  turns: [{ tools: [{ submit: tasksOf(...(tasks.length === 0 ? [{ id: 'fix' }] : tasks)) }] }],
});

/** An implementer that edits, then hands in. `run` is a command between the two, with what must be in its output. */
export const implements_ = (
  title: string,
  edits: readonly Edit[],
  options: { when?: When; run?: [command: string, ...expect: string[]]; bash?: string } = {},
): Script => {
  const [command, ...expect] = options.run ?? [];
  return {
    role: 'implement',
    when: titled(title, options.when),
    turns: [
      { tools: [...edits.map(edit), ...(options.bash === undefined ? [] : [{ bash: options.bash }])] },
      ...(command === undefined ? [] : [{ tools: [{ bash: command }] }]),
      { expect, tools: [{ submit: { summary: `${title}: done`, commitMessage: title } }] },
    ],
  };
};

export const approves = (title: string, when: When = {}): Script => ({
  role: 'review',
  when: titled(title, when),
  turns: [{ tools: [{ submit: { verdict: 'approve', summary: 'As asked.', findings: [] } }] }],
});

/** A reviewer that wants a change. */
export const objects = (title: string, path: string, message: string, when: When = {}): Script => ({
  role: 'review',
  when: titled(title, when),
  turns: [
    {
      tools: [
        {
          submit: {
            verdict: 'request_changes',
            summary: message,
            findings: [{ path, severity: 'blocker', message }],
          },
        },
      ],
    },
  ],
});

/** A tester with one check a command, or none; `!` before a command makes it a guard. */
export const checks = (title: string, ...commands: string[]): Script => ({
  role: 'test',
  when: titled(title),
  turns: [
    {
      tools: [
        {
          submit: {
            summary: `${commands.length} checks`,
            checks: commands.map((given) => {
              const command = given.replace(/^!/, '');
              const kind = command === given ? 'change' : 'guard';
              return { acceptance: `${command} ends well`, command, kind };
            }),
          },
        },
      ],
    },
  ],
});

/** The whole of a run that goes well: one task, one attempt, approved, and checked by `commands`. */
export const goesWell = (
  title: string,
  edits: readonly Edit[],
  options: { run?: [command: string, ...expect: string[]]; checks?: string[] } = {},
): Script[] => [
  plans(title),
  implements_(title, edits, options.run === undefined ? {} : { run: options.run }),
  approves(title),
  checks(title, ...(options.checks ?? [])),
];

/** Any conversation of a role on tickets of that title. */
export const says = (role: Script['role'], title: string, turns: Turn[], when: When = {}): Script => ({
  ...{ role, when: titled(title, when), turns },
});

/** Of tickets that say nothing of their tester, who works beside the implementer, whatever becomes of that one. */
const noChecks = (): Script => ({ ...checks('.*'), when: {} });

export function writeScripts(folder: string, scripts: readonly Script[]): void {
  mkdirSync(folder, { recursive: true });
  const text = [...scripts, noChecks()].map((script) => `---\n${JSON.stringify(script, null, 1)}\n`).join('');
  writeFileSync(join(folder, 'scripts.yaml'), text);
}
