import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Catalog } from './model/catalog.ts';
import { AnthropicClient, type ModelRequest } from './model/client.ts';
import { runRole } from './run-role.ts';
import { type Harness, harness } from './testing/harness.ts';

// Commands beside the conversation, and pictures, over the wire.

const SUBMIT = `{ submit: { summary: Done., commitMessage: Do it } }`;
const bash = (command: string) => `{ bash: ${JSON.stringify(command)} }`;
const script = (...turns: string[]) => `role: implement\nturns:\n${turns.join('\n')}`;
const expecting = (patterns: string[], ...calls: string[]) =>
  `  - expect: ${JSON.stringify(patterns)}\n    tools: [${calls.join(', ')}]`;

/** Requests as they were sent, beside the recorded model's own look at them. */
function listening(h: Harness): { client: AnthropicClient; sent: ModelRequest[] } {
  const sent: ModelRequest[] = [];
  const client = new AnthropicClient({ apiKey: 'k', baseUrl: h.server.url });
  const call = client.call.bind(client);
  client.call = (request, ...more) => {
    sent.push(request);
    return call(request, ...more);
  };
  return { client, sent };
}

test('a command is started, read later in pieces, stopped; its name is free again, and nothing of it outlives the work', async () => {
  await using h = await harness(
    script(
      `  - tools: [${bash('# background: server\necho one; while [ ! -e go ]; do sleep 0.05; done; echo two; sleep 1000')}]`,
      expecting(['server is started'], bash('# output: server 20')),
      expecting(['^one\\n\\[server runs\\]$'], bash('touch go'), bash('# output: server 20')),
      expecting(['^two\\n\\[server runs\\]$'], bash('# background: server\necho again')),
      expecting(['server runs already'], bash('# stop: server')),
      expecting(['server ended: stopped'], bash('# background: server\necho again; exit 3')),
      expecting(['server is started'], bash('# output: server 20'), bash('# output: other')),
      expecting(
        ['^again', 'no command other in the background; there are: server'],
        bash('# background: left\nsleep 1000'),
      ),
      expecting(['left is started'], SUBMIT),
    ),
  );
  const result = await runRole(h.options('implement'));
  expect(result, JSON.stringify(result)).toMatchObject({ kind: 'submitted', turns: 9 });
  expect(h.workspace.beside.size).toBe(0);
});

test('a long output of one lies in a file too; resumed, what ran beside is gone, and that is said', async () => {
  await using h = await harness(
    script(
      `  - tools: [${bash('# background: loud\nhead -c 60000 /dev/zero | tr "\\0" x; touch said; sleep 1000')}, ${bash('while [ ! -e said ]; do sleep 0.05; done')}, ${bash('# output: loud 20')}]`,
      expecting(['the whole output is in /tmp/outputs/1-3.txt'], bash('# output: loud')),
      expecting(['there is no command loud in the background; there are: none'], SUBMIT),
    ),
  );
  h.turns.dieAt = 2;
  await expect(runRole(h.options('implement'))).rejects.toThrow('killed');
  expect(h.workspace.beside.size).toBe(0);
  h.turns.dieAt = null;
  expect(await runRole(h.options('implement', { fence: 2 }))).toMatchObject({ kind: 'submitted' });
});

/** One red pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

test('a picture is looked at: as it is to the model, and not on the trail', async () => {
  await using h = await harness(
    script(
      `  - tools: [${bash("# picture: it's.png")}, ${bash('# picture: no.png')}, ${bash('# picture: text.png')}, ${bash('# picture: large.png')}]`,
      expecting(
        [
          "the picture it's.png",
          'no.png: it is no file',
          'text.png: it is no PNG',
          'large.png: it has 6000000 bytes',
        ],
        SUBMIT,
      ),
    ),
  );
  await writeFile(join(h.workspace.folder, "it's.png"), Buffer.from(PNG, 'base64'));
  await writeFile(join(h.workspace.folder, 'text.png'), 'only text, and more of it than a header has');
  await writeFile(join(h.workspace.folder, 'large.png'), Buffer.alloc(6_000_000));
  const { client, sent } = listening(h);
  expect(await runRole(h.options('implement', { client }))).toMatchObject({ kind: 'submitted', turns: 2 });
  expect(JSON.stringify(sent.at(-1)?.messages)).toContain(
    JSON.stringify({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } }),
  );
  expect(JSON.stringify(h.turns.records)).not.toContain(PNG);
  expect(JSON.stringify(h.turns.records)).toContain('look again');
});

test('a model that takes no pictures is told so', async () => {
  await using h = await harness(
    script(`  - tools: [${bash('# picture: a.png')}]`, expecting(['this model takes no pictures'], SUBMIT)),
  );
  const catalog = Catalog.parse({
    'recorded/*': { input: 1, output: 1, cacheRead: 1, context: 200_000, maxOutput: 8_000 },
  });
  expect(await runRole(h.options('implement', { catalog }))).toMatchObject({ kind: 'submitted', turns: 2 });
});
