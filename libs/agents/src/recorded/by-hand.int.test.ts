import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AnthropicClient } from '../model/client.ts';
import { runRole } from '../run-role.ts';
import { harness } from '../testing/harness.ts';
import { answersByHand, turnIn } from './by-hand.ts';
import { type RecordedServer, startRecorded } from './server.ts';

let folder: string;
let server: RecordedServer;
const said: string[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millwright-hand-'));
  said.length = 0;
  server = await startRecorded({
    conversations: [],
    byHand: answersByHand(folder, (line) => said.push(line)),
  });
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits for the request of that name, and gives its page. */
async function asked(name: string): Promise<string> {
  for (;;) {
    if (readdirSync(folder).includes(`${name}.md`)) return readFileSync(join(folder, `${name}.md`), 'utf8');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const answer = (name: string, text: string) => writeFileSync(join(folder, `${name}.yaml`), text);
const SCRIPT = 'role: plan\nturns:\n  - say: never';

test('a role is played from files: the first page is whole, the next show what is new, mistakes are said and nothing is lost', async () => {
  await using h = await harness(SCRIPT, { files: { 'a.txt': 'one\n' } });
  const client = new AnthropicClient({ apiKey: 'k', baseUrl: server.url, stallMs: 20_000 });
  const running = runRole(h.options('implement', { client }));

  const first = await asked('001-implement');
  for (const part of [
    '## System',
    'You are the implementer',
    'submit_change',
    '<ticket',
    'Double the numbers',
  ])
    expect(first).toContain(part);
  answer('001-implement', 'tools: [{ bash: cat a.txt }');
  while (!readdirSync(folder).includes('001-implement.yaml.wrong'))
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(said.at(-1)).toMatch(
    /001-implement\.yaml is no answer: .*; write it anew: its request still waits$/,
  );
  answer('001-implement', 'think: Where is it?\ntools:\n  - bash: cat a.txt\n');

  const second = await asked('002-implement');
  expect(readdirSync(folder)).not.toContain('001-implement.yaml.wrong');
  expect(second).toContain('~~~\none\n~~~');
  expect(second).toContain('→ bash {"command":"cat a.txt"}');
  expect(second).not.toContain('## System');
  answer('002-implement', '{"tools": [{"submit": {"summary": "Done.", "commitMessage": "Do it"}}]}');
  expect(await running).toMatchObject({
    kind: 'submitted',
    turns: 2,
    submission: { commitMessage: 'Do it' },
  });
  expect(server.requests().map((one) => [one.script, one.paid])).toEqual([
    ['by hand', true],
    ['by hand', true],
  ]);
});

test('a seat that takes long is waited for; a request that nobody waits for any more is taken away', async () => {
  await using h = await harness(SCRIPT);
  const client = new AnthropicClient({ apiKey: 'k', baseUrl: server.url, stallMs: 20_000 });
  const stop = new AbortController();
  const running = runRole(h.options('implement', { client, signal: stop.signal }));
  await asked('001-implement');
  stop.abort(new Error('cancelled'));
  expect(await running).toMatchObject({ kind: 'cancelled' });
  while (readdirSync(folder).includes('001-implement.md'))
    await new Promise((resolve) => setTimeout(resolve, 20));
  // Whoever goes on with it later is told all of it.
  const again = new AbortController();
  const resumed = runRole(h.options('implement', { client, signal: again.signal }));
  expect(await asked('002-implement')).toContain('## System');
  again.abort(new Error('cancelled'));
  await resumed;
  expect(server.requests().every((one) => !one.paid)).toBe(true);
});

test.each([
  ['tools: [{ bash: ls }]', { tools: [{ bash: 'ls' }] }],
  ['---\nsay: hm', { say: 'hm' }],
  ['tools: [{ submit_plan: { summary: s } }]', { tools: [{ submit: { summary: 's' } }] }],
  ['\uFEFF{"say": "hm"}', { say: 'hm' }],
])('%j is an answer', (text, turn) => {
  expect(turnIn(text)).toMatchObject({ kind: 'turn', turn });
});

test.each([
  ['just words', /^an answer is an object, such as \{"say"/],
  ['[]', /^an answer is an object/],
  ['{"tools": [', /^it is neither JSON nor YAML: .* at line 1/],
  ['Here it is:\n```json\n{"say": "x"}\n```', /^it is neither JSON nor YAML: .* at line 2/],
  ['say: a\n---\nsay: b', /^there is more than one answer/],
  ['tool: ls', /Unrecognized key: "tool"/],
  ['tools: [{ bash: 7 }]', /a call has one of bash, edit.*\n.*tools\[0\]/],
])('%j is none, and it is said why', (text, why) => {
  expect(turnIn(text)).toEqual({ kind: 'wrong', problem: expect.stringMatching(why) });
});
