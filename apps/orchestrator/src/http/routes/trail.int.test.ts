import { setTimeout as sleep } from 'node:timers/promises';
import { TrailLine } from '@millwright/api';
import { type EvidencePack, verifyEvidence } from '@millwright/audit/proof';
import { type Actor, factoryStream, type ReleaseId, type RepoName, targetStream } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { expectRowsEqualFold } from '../../testing/rows-equal-fold.ts';
import { ADMIN_TOKEN, git, type ScriptedFactory, scriptedFactory } from '../../testing/scripted-factory.ts';

// One whole run, and what an auditor reads of it through `GET /trail`.

let db: TestDatabase;
let factory: ScriptedFactory;
let run: string;
let all: TrailLine[];
const lines = async (query: string) =>
  z.array(TrailLine).parse((await factory.api('GET', `/trail?${query}`)).body);

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  factory = await scriptedFactory(
    db,
    { 'a.txt': 'a\n', 'package.json': '{"name":"shop"}\n' },
    { implement: () => ({ 'a.txt': 'b\n' }) },
  );
  git(factory.root, '--git-dir', factory.remote, 'config', 'core.logAllRefUpdates', 'always');
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
  const ticket = (await factory.api('POST', '/tickets', { repo: 'shop', markdown: '# Do it' })).body.id;
  const closed = await factory.until('the end of the ticket', async () => {
    const view = (await factory.api('GET', `/tickets/${ticket}`)).body;
    return view.state === 'done' && view;
  });
  run = closed.runs[0];
  all = await lines('limit=1000');
});
afterAll(async () => {
  await expectRowsEqualFold(factory.factory);
  await factory.stop();
  await db.close();
});

it('tells of each act who did it, on which bytes, allowed by which decision, with what result', () => {
  const of = (type: string) => all.find((line) => line.type === type);
  const allowed = all.find((line) => line.type === 'gate.decided' && line.text.includes('the merge of'));
  expect(allowed).toMatchObject({ who: { kind: 'factory' }, result: 'done', repo: 'shop', run });
  const merged = of('merge.started');
  expect(merged?.allowedBy).toMatchObject({ action: 'merge', position: allowed?.position });
  expect(merged?.allowedBy?.policies.length).toBeGreaterThan(0);
  expect(merged?.on.map(({ what }) => what)).toEqual(['subject', 'commit', 'base']);
  expect(merged?.result).toBe('noted'); // its outcome is on the trail
  expect(of('merge.finished')).toMatchObject({ result: 'done', allowedBy: merged?.allowedBy });
  expect(of('turn.recorded')?.who).toEqual({ kind: 'agent', name: 'planner', model: 'recorded/test' });
  expect(of('repo.added')?.who).toEqual({ kind: 'person', name: 'admin', model: null });
  expect(all.map(({ result }) => result)).not.toContain('unknown');
});

it.each<[string, (line: TrailLine) => boolean]>([
  ['repo=shop', ({ stream }) => !stream.startsWith('factory') && !stream.startsWith('person/')],
  ['actor=admin', ({ who }) => who.kind === 'person'],
  ['actor=factory', ({ actor }) => actor === 'orchestrator'],
  ['actor=agent', ({ actor }) => actor.startsWith('agent/')],
  ['actor=agent/plan,runner', ({ actor }) => actor === 'agent/plan' || actor.startsWith('runner/')],
  ['type=gate', ({ type }) => type.startsWith('gate.')],
  ['type=gate.*&type=run.opened', ({ type }) => type.startsWith('gate.') || type === 'run.opened'],
  ['type=merge.started&actor=agent', () => false],
])('finds what %s asks for, and nothing else', async (query, fits) => {
  expect((await lines(query)).map(({ position }) => position)).toEqual(
    all.filter(fits).map(({ position }) => position),
  );
});

it('refuses a repository that is not there', async () => {
  expect((await factory.api('GET', '/trail?repo=other')).status).toBe(404);
});

it('finds what lies between two times, and a run with its attempts', async () => {
  const [from, to] = [all[5]?.at ?? 0, all[12]?.at ?? 0];
  expect((await lines(`from=${from}&to=${to}`)).map(({ position }) => position)).toEqual(
    all.filter(({ at }) => at >= from && at < to).map(({ position }) => position),
  );
  const own = await lines(`run=${run}`);
  expect(own.map(({ stream }) => stream.split('/')[0])).toContain('attempt');
  expect(own).toEqual(all.filter((line) => line.run === run));
});

it('pages in both directions without missing or repeating an entry', async () => {
  for (const [order, key] of [
    ['oldest', 'since'],
    ['newest', 'before'],
  ] as const) {
    const seen: number[] = [];
    for (let at: number | undefined; ; ) {
      const page = await lines(`order=${order}&limit=7${at === undefined ? '' : `&${key}=${at}`}`);
      if (page.length === 0) break;
      seen.push(...page.map(({ position }) => position));
      at = page.at(-1)?.position;
    }
    expect(order === 'oldest' ? seen : seen.reverse()).toEqual(all.map(({ position }) => position));
  }
});

it('refuses a question that makes no sense with what is wrong in it', async () => {
  for (const query of ['limit=0', 'run=nobody', 'since=-1', 'order=sideways', 'from=yesterday'])
    expect((await factory.api('GET', `/trail?${query}`)).status, query).toBe(400);
});

it('has, for every push that the remote saw, an intent before it and an outcome that names its commit', () => {
  const seen = git(factory.root, '--git-dir', factory.remote, 'reflog', 'show', '--format=%H', 'main').split(
    '\n',
  );
  const of = (type: string) => all.filter((line) => line.type === type);
  expect(of('merge.finished').map(({ data }) => (data as { commit: string }).commit)).toEqual(seen);
  expect(of('merge.started').map(({ data }) => (data as { commit: string }).commit)).toEqual(seen);
});

it('hands out an evidence pack of a period that holds with nothing but the key', async () => {
  const { vkey } = (await factory.api('GET', '/trail/key')).body;
  const packOf = async (query: string) =>
    (await factory.api('GET', `/trail/evidence?framework=soc2${query}`)).body as EvidencePack;
  const pack = await packOf('');
  expect(verifyEvidence(JSON.stringify(pack), [vkey])).toMatchObject({
    integrity: { kind: 'ok' },
    lines: { kind: 'ok' },
    range: { since: 0, through: all.length },
  });
  const merged = all.find(({ type }) => type === 'merge.finished');
  const positionsOf = (lines: EvidencePack['evidence']['changes']) => lines.map(({ position }) => position);
  expect(positionsOf(pack.evidence.changes)).toEqual([merged?.position]);
  expect(pack.evidence.changes[0]?.ok).toBe(true);
  expect(pack.evidence.access.map(({ text }) => text)).toContainEqual(expect.stringContaining('step 6'));
  expect(Object.values(pack.names)).toEqual(['admin']);
  // Of a later period the entries that the change rests on are older, and there all the same.
  const later = await packOf(`&since=${(merged?.position ?? 0) - 1}`);
  expect(later.evidence.changes[0]).toEqual(pack.evidence.changes[0]);
  expect(later.evidence.access).toEqual([]);
  const timed = await packOf(`&from=${merged?.at}`);
  expect(positionsOf(timed.evidence.changes)).toEqual([merged?.position]);
  expect((await factory.api('GET', '/trail/evidence?framework=iso')).status).toBe(400);
});

it('reads what a factory that died left open as unknown, until an entry of its own settles it', async () => {
  const { streams } = factory.factory;
  const actor = 'orchestrator' as Actor;
  const release = 'rel_0000000000000001' as ReleaseId;
  const data = { key: `1/${release}/start`, effect: 'start', release, fence: 1 };
  await streams.append(targetStream('shop' as RepoName), actor, () => ({
    type: 'target.effect-started',
    data,
  }));
  const begun = async () => (await lines('type=target.effect-started'))[0];
  expect((await begun())?.result).toBe('under_way');
  const started = { type: 'factory.started', data: { version: 'test' } } as const;
  await streams.append(factoryStream(), actor, () => started);
  const settled = await factory.until('its reconciliation', async () => {
    const seen = await begun();
    if (seen?.result === 'unknown') expect(seen.text).toContain('attempted, outcome unknown');
    return (await lines('type=target.reconciled'))[0];
  });
  expect(settled.data).toMatchObject({ key: data.key, release, live: null });
  expect((await begun())?.result).toBe('noted');
});

/** Events of `GET /events`, as they come. */
async function* events(url: string, query: string, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const response = await fetch(`${url}/v1/events${query}`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
    signal: stop.signal,
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  let text = '';
  try {
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part;
      const told = text.split('\n\n');
      text = told.pop() ?? '';
      for (const block of told) {
        const event = /^id: (\d+)\nevent: entry\ndata: (.+)$/.exec(block);
        if (event === null) expect(block).toMatch(/^: /);
        else yield { id: Number(event[1]), line: TrailLine.parse(JSON.parse(event[2] ?? '')) };
      }
    }
  } finally {
    stop.abort();
  }
}

it('tells what comes onto the trail as it comes, and goes on after the last that was heard', async () => {
  const url = await factory.app.listen({ host: '127.0.0.1', port: 0 });
  const step = async (nth: number) =>
    expect((await factory.api('POST', '/repos/shop/autonomy', { step: nth, reason: 'so' })).status).toBe(200);
  const [newest] = await lines('order=newest&limit=1');
  const now = newest?.position ?? 0;

  // All that was, of one kind, then what comes.
  const stream = events(url, '?type=repo&since=0');
  const before = await lines('type=repo');
  for (const line of before) expect((await stream.next()).value).toEqual({ id: line.position, line });
  await step(5);
  const heard = (await stream.next()).value;
  expect(heard?.line).toMatchObject({ type: 'repo.step-set', data: { step: 5 }, position: heard?.id });
  await stream.return(undefined);

  // What came while nobody heard, in order, and nothing twice.
  await step(4);
  await step(3);
  const again = events(url, '?type=repo&since=0', { 'last-event-id': String(heard?.id) });
  const steps = [(await again.next()).value, (await again.next()).value];
  expect(steps.map((event) => event?.line.data)).toMatchObject([{ step: 4 }, { step: 3 }]);
  await again.return(undefined);

  // Without a place to begin: from now on, whatever it is.
  const fresh = events(url, '');
  const next = fresh.next();
  await factory.until('the first', async () => {
    await step(6);
    return Promise.race([next.then(() => true), sleep(500, false)]);
  });
  expect((await next).value?.id).toBeGreaterThan(now + 3);
  await fresh.return(undefined);

  expect(await factory.api('GET', '/events?type=nope')).toMatchObject({ status: 404, body: { exitCode: 2 } });
  const from = (id: string) =>
    factory
      .api('GET', '/events', undefined, ADMIN_TOKEN, { 'last-event-id': id })
      .then(({ status }) => status);
  expect(await from('yesterday')).toBe(400);
});
