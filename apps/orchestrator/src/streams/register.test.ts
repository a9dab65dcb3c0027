import type { OpenTrail } from '@millwright/audit';
import type { Entry, RecordedEntry, ReleaseId, RepoName, RunId, StreamId } from '@millwright/domain';
import { expect, test } from 'vitest';
import { Register } from './register.ts';

const SHOP = 'shop' as RepoName;
const digest = `sha256:${'0'.repeat(64)}`;
const sha = (nth: number) => String(nth).repeat(40).slice(0, 40);
const runOf = (nth: number) => `run_0000000${nth}` as RunId;
const releaseOf = (nth: number) => `rel_0000000${nth}` as ReleaseId;

/** A trail in memory, whose reads can be made to fail, and are counted. */
class Paper {
  readonly entries: RecordedEntry[] = [];
  fault: Error | null = null;
  reads = 0;

  add(stream: string, type: string, data: object): void {
    const version = this.entries.filter(({ envelope }) => envelope.stream === stream).length + 1;
    const position = this.entries.length + 1;
    const envelope = {
      stream: stream as StreamId,
      version,
      position,
      type,
      at: position,
      actor: 'orchestrator',
    };
    this.entries.push({ envelope, entry: { type, data } as Entry } as RecordedEntry);
  }

  readonly trail: Pick<OpenTrail, 'head' | 'named' | 'read' | 'readAll' | 'select'> = {
    head: async () => this.entries.length,
    named: async (kind) =>
      this.entries.flatMap(({ envelope: { stream, version } }) =>
        version === 1 && stream.startsWith(`${kind}/`) ? [stream.slice(kind.length + 1)] : [],
      ),
    read: async (stream) => this.entries.filter(({ envelope }) => envelope.stream === stream),
    readAll: async (after, limit) => {
      this.reads += 1;
      if (this.fault !== null) throw this.fault;
      return this.entries.slice(after, after + limit);
    },
    select: async function* (this: Paper, { types, streams = [], upTo }: Parameters<OpenTrail['select']>[0]) {
      const wanted = ({ envelope, entry }: RecordedEntry) =>
        envelope.position <= upTo && (types.includes(entry.type) || streams.includes(envelope.stream));
      yield this.entries.filter(wanted);
    }.bind(this),
  };

  opened(nth: number): void {
    if (nth === 1)
      this.add('repo/shop', 'repo.added', { repo: SHOP, url: 'u', branch: 'main', deliver: 'merge' });
    const run = runOf(nth);
    const base = { commit: sha(0), tree: sha(0) };
    this.add(`run/${run}`, 'run.opened', {
      run,
      ticket: `tkt_${nth}`,
      repo: SHOP,
      config: digest,
      base,
      deploys: true,
    });
  }
  merged(nth: number): void {
    const stream = `run/${runOf(nth)}`;
    this.add(stream, 'merge.finished', { commit: sha(nth), tree: sha(nth), delivered: 'merge', ref: 'main' });
    this.add(stream, 'release.built', {
      release: releaseOf(nth),
      artifact: digest,
      layer: digest,
      verdict: 'passed',
    });
  }
  tookBack(nth: number): void {
    const data = { release: releaseOf(nth), result: 'rolled_back', live: null, evidence: '' };
    this.add(`run/${runOf(nth)}`, 'deploy.finished', data);
  }
  closed(nth: number, end: string): void {
    this.add(`run/${runOf(nth)}`, 'run.closed', { end, reason: '', streams: {}, usage: {} });
  }
}

test('a look has what is on the trail when it is called: what was merged, is open, is in quarantine', async () => {
  const paper = new Paper();
  const register = new Register(paper.trail);
  expect((await register.look()).repositories()).toEqual([]);
  paper.opened(1);
  paper.merged(1);
  paper.opened(2);
  const seen = await register.look();
  expect(seen.open(SHOP).map(({ id }) => id)).toEqual([runOf(1), runOf(2)]);
  expect(seen.quarantine(SHOP)).toEqual([]);
  paper.tookBack(1);
  paper.closed(1, 'rolled_back');
  for (const one of [register, new Register(paper.trail)]) {
    const now = await one.look();
    expect(now.quarantine(SHOP)).toMatchObject([{ commit: sha(1), release: releaseOf(1), by: 'canary' }]);
    expect(now.open(SHOP).map(({ id }) => id)).toEqual([runOf(2)]);
    expect(now.runOf(releaseOf(1))).toMatchObject({ id: runOf(1), closed: { end: 'rolled_back' } });
  }
});

test('what cannot be read, or folded, fails every look, and is in none that succeeds', async () => {
  const paper = new Paper();
  paper.opened(1);
  const register = new Register(paper.trail);
  await register.look();
  paper.fault = new Error('the database is away');
  await expect(register.look()).rejects.toThrow('the database is away');
  expect(register.known.open(SHOP)).toHaveLength(1);
  paper.fault = null;
  paper.merged(1);
  const [broken] = paper.entries.slice(-1);
  if (broken === undefined) throw new Error('nothing was written');
  const { entry } = broken;
  Object.defineProperty(broken, 'entry', {
    get: () => expect.unreachable('it cannot be folded'),
    configurable: true,
  });
  for (let tries = 0; tries < 2; tries += 1)
    await expect(register.look()).rejects.toThrow('cannot be folded');
  Object.defineProperty(broken, 'entry', { value: entry });
  expect((await register.look()).release(releaseOf(1))).toMatchObject({ run: runOf(1) });
});

test('a run that was over and goes on is read whole', async () => {
  const paper = new Paper();
  paper.opened(1);
  paper.add(`run/${runOf(1)}`, 'plan.accepted', { plan: digest, tasks: [] });
  paper.closed(1, 'failed');
  const register = new Register(paper.trail);
  expect((await register.look()).run(runOf(1))).toMatchObject({ plan: null, closed: { end: 'failed' } });
  paper.add(`run/${runOf(1)}`, 'run.resumed', { expiresAt: 9, reason: '' });
  expect((await register.look()).open(SHOP)).toMatchObject([{ plan: digest, closed: null }]);
});

test('whoever waits for a look to begin shares it; forgotten, all of it is read anew', async () => {
  const paper = new Paper();
  paper.opened(1);
  const register = new Register(paper.trail);
  await register.look();
  paper.reads = 0;
  const first = register.look();
  expect(register.look()).toBe(first);
  const before = await first;
  expect(paper.reads).toBe(1);
  await register.forget();
  expect(register.known).not.toBe(before);
  expect(register.known.open(SHOP)).toHaveLength(1);
});
