import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_TOKEN } from '../testing/scripted-factory.ts';
import { type Shop, shop } from '../testing/shop.ts';

// Another coding agent, by the protocol's official client, over HTTP and over the command line.

let db: TestDatabase;
let at: Shop;
let url: string;
let agent: string;
const open: Client[] = [];

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await shop(db);
  url = await at.app.listen({ host: '127.0.0.1', port: 0 });
  agent = (await at.enrol('Robin', 'author')).token;
});
afterAll(async () => {
  for (const one of open) await one.close();
  await at?.stop();
  await db?.close();
});

async function client(token: string | null): Promise<Client> {
  const one = new Client({ name: 'test', version: '1' });
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  await one.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }));
  open.push(one);
  return one;
}
const said = async (one: Client, name: string, given: Record<string, unknown> = {}) => {
  const { content, isError = false } = await one.callTool({ name, arguments: given });
  const [first] = content as { type: string; text: string }[];
  return { isError, text: first?.text ?? '' };
};

test('files a ticket, once for one key, and follows it to production by reading', async () => {
  const one = await client(agent);
  at.makes({ 'src/asked.js': 'exports.asked = 1;\n' });
  const given = {
    repo: 'shop',
    title: 'Asked: "by" an agent',
    text: '---\nkind: docs\n---\nplease',
    acceptance: ['it: holds'],
    key: 'k1',
  };
  const filed = JSON.parse((await said(one, 'file_ticket', given)).text);
  expect(filed.ticket).toMatchObject({
    ...{ title: given.title, kind: 'feature', acceptance: ['it: holds'], labels: ['mcp'], body: given.text },
  });
  expect(JSON.parse((await said(one, 'file_ticket', given)).text).id).toBe(filed.id);
  const run = await at.ended(filed.id);
  expect(run.state, run.reason).toBe('done');
  expect(JSON.parse((await said(one, 'show_ticket', { id: filed.id })).text)).toMatchObject({
    state: 'done',
  });
  expect((await said(one, 'why', { id: run.id })).text).toContain('promoted');
  const [release] = JSON.parse((await said(one, 'list_releases', { repo: 'shop' })).text);
  const [last] = JSON.parse((await said(one, 'read_trail', { run: run.id, limit: 1 })).text);
  await at.until(
    'its seal',
    async () => !(await said(one, 'prove_entry', { position: last.position })).isError,
  );
  expect(release.id).toBe(run.release);
});

test('is offered nothing that decides, lets out, takes back or stops; what it may not, the factory refuses in words', async () => {
  const one = await client(agent);
  const { tools } = await one.listTools();
  expect(
    tools.filter(({ annotations }) => annotations?.readOnlyHint !== true).map(({ name }) => name),
  ).toEqual(['file_ticket']);
  expect(tools.map(({ name }) => name).join(' ')).not.toMatch(
    /approve|deny|roll|halt|resume|cancel|freeze|promote|set|secret/,
  );
  await expect(one.callTool({ name: 'approve_gate', arguments: { id: 'gate_12345678' } })).rejects.toThrow(
    /not found/i,
  );
  expect(await said(one, 'file_ticket', { repo: 'none', title: 'x', text: 'x' })).toMatchObject({
    ...{ isError: true, text: expect.stringContaining('none') },
  });
  const reader = await client((await at.enrol('Rita', 'approver')).token).catch(
    (error: Error) => error.message,
  );
  expect(reader).toMatch(/403|approver/);
});

test('a token that could decide is refused by either way, and so is none, or one that is nobody’s', async () => {
  const post = (token: string | null) =>
    at.app.inject({
      ...{ method: 'POST', url: '/mcp', payload: { jsonrpc: '2.0', id: 1, method: 'tools/list' } },
      headers: {
        accept: 'application/json, text/event-stream',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
    });
  expect((await post(null)).statusCode).toBe(401);
  expect((await post('nobody')).statusCode).toBe(401);
  const refused = await post(ADMIN_TOKEN);
  expect([refused.statusCode, refused.json().detail]).toEqual([403, expect.stringContaining('admin')]);
  const cli = join(import.meta.dirname, '../../../cli/src/main.ts');
  const child = spawn(process.execPath, [cli, 'mcp', '--url', url, '--token', ADMIN_TOKEN]);
  let said = '';
  child.stderr.on('data', (part) => {
    said += part;
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(2);
  expect(said).toContain('person invite NAME --roles author');
  const transport = new StdioClientTransport({
    ...{ command: process.execPath, args: [cli, 'mcp', '--url', url, '--token', agent] },
  });
  const one = new Client({ name: 'test', version: '1' });
  await one.connect(transport);
  open.push(one);
  const { content } = await one.callTool({ name: 'list_repositories', arguments: {} });
  expect(JSON.stringify(content)).toContain('shop');
});
