import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ON_NODE, SOURCE } from './cheats.ts';
import { edit } from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';

// `up --by-hand DIR`: a ticket from its plan to the merge, every answer written into a file by whoever sits in the seat.

const seat = mkdtempSync(join(tmpdir(), 'millwright-seat-'));
let factory: Factory;
beforeAll(async () => {
  factory = await startFactory({ byHand: seat });
});
afterAll(async () => {
  rmSync(seat, { recursive: true, force: true });
  await factory?.close();
});
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

const TASK = { id: 'fix', title: 'Multiply', instructions: 'Add times.', dependsOn: [], acceptance: [] };
const TEST =
  "const test = require('node:test');\nconst { times } = require('../src/sum.js');\ntest('multiplies', () => require('node:assert').equal(times(3, 4), 12));\n";
const MADE = [
  edit({ path: 'src/sum.js', text: `${SOURCE}exports.times = (a, b) => a * b;\n` }),
  edit({ path: 'test/times.test.js', text: TEST }),
];
/** By role, one after the other, as the seat writes them. */
const ANSWERS: Record<string, unknown[]> = {
  plan: [{ submit: { summary: 'One.', tasks: [TASK] } }],
  test: [{ submit: { summary: 'The suite says it.', checks: [] } }],
  implement: [{ bash: 'cat src/sum.js' }, MADE, { submit: { summary: 'Done.', commitMessage: 'Multiply' } }],
  review: [{ submit: { verdict: 'approve', summary: 'As asked.', findings: [] } }],
};

/** The next page that nobody has answered, by its name without an ending. */
async function nextPage(answered: ReadonlySet<string>): Promise<string> {
  for (let waited = 0; waited < 1_200; waited += 1) {
    const pages = readdirSync(seat).flatMap((file) => /^(.*)\.md$/.exec(file)?.[1] ?? []);
    const next = pages.sort().find((name) => !answered.has(name));
    if (next !== undefined) return next;
    await sleep(100);
  }
  throw new Error(`no page was asked for: ${readdirSync(seat)}`);
}
const write = (name: string, text: string) => writeFileSync(join(seat, `${name}.yaml`), text);

it('a ticket is played to its merge: pages say what is new, and what is no answer is said and waited for again', {
  tags: ['long'],
}, async () => {
  const remote = await factory.remote('sum', ON_NODE);
  await factory.add(remote);
  const ticket = await factory.file('sum', '# Multiply\n');
  const pages = new Map<string, string>();
  for (let left = Object.values(ANSWERS).flat().length; left > 0; left -= 1) {
    const name = await nextPage(new Set(pages.keys()));
    const page = readFileSync(join(seat, `${name}.md`), 'utf8');
    pages.set(name, page);
    const role = name.replace(/^\d+-/, '');
    if (role === 'plan') {
      write(name, '{"tools": [');
      for (let waited = 0; !existsSync(join(seat, `${name}.yaml.wrong`)); waited += 1) {
        expect(waited).toBeLessThan(300);
        await sleep(50);
      }
      expect(readFileSync(join(seat, `${name}.yaml.wrong`), 'utf8')).toContain('neither JSON nor YAML');
    }
    const call = ANSWERS[role]?.shift();
    write(name, JSON.stringify({ tools: [call].flat() }));
  }
  const run = await factory.runOf(ticket, ({ endedAt }) => endedAt !== null);
  expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
  // One question was asked of the planner, and one turn recorded, for all that was no answer before.
  expect(run.stages.find(({ kind }) => kind === 'plan')).toMatchObject({ attempt: 1, turns: 1 });
  const of = (role: string) =>
    [...pages].flatMap(([name, page]) => (name.endsWith(`-${role}`) ? [page] : []));
  const [first = '', second = '', third = ''] = of('implement');
  expect(first).toContain('You are the implementer');
  expect(first).toContain('Title: Multiply');
  for (const later of [second, third]) expect(later).not.toContain('You are the implementer');
  expect(second).toContain('exports.twice');
  expect(third).toContain('times.test.js');
  expect(await remote.head()).toBe(run.delivered?.commit);
});
