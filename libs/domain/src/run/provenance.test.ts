import { expect, it } from 'vitest';
import type { Release } from '../artifacts.ts';
import type { Entry } from '../entries/index.ts';
import type { RecordedEntry } from '../envelope.ts';
import { type Attested, changeStatement, releaseStatement } from './provenance.ts';
import type { Run } from './state.ts';

const sha = (fill: string) => fill.repeat(40);
const digest = (fill: string) => `sha256:${fill.repeat(64)}`;
const GATE = 'gate_0000000000000001';

const run = {
  kind: 'run',
  id: 'run_0000000000000001',
  ticket: 'tkt_0000000000000001',
  author: 'per_00000000ada',
  step: 6,
  base: { commit: sha('a'), tree: sha('a') },
  change: { base: sha('b'), commit: sha('c') },
  ticketDigest: digest('1'),
  config: digest('2'),
  plan: digest('3'),
  merge: { kind: 'finished', commit: sha('c'), tree: sha('d'), delivered: 'merge', ref: 'main' },
  release: { release: 'rel_0000000000000001', artifact: digest('5'), layer: digest('6'), verdict: 'passed' },
} as unknown as Run;

const recorded = (
  [
    ['run.opened', {}],
    ['gate.asked', { gate: GATE, action: 'deploy' }],
    ['gate.approved', { gate: GATE, person: 'per_00000000bob', subject: digest('5') }],
    [
      'gate.decided',
      { gate: GATE, decision: 'allow', policies: ['deploy-two'], approvals: 1, facts: digest('7') },
    ],
    ['release.built', { artifact: digest('5'), verdict: 'passed' }],
    ['deploy.started', { gate: GATE, fence: 4 }],
    ['deploy.finished', { result: 'rolled_back', live: null }],
    ['revert.finished', { commit: sha('e'), ref: 'main' }],
  ] as const
).map(
  ([type, data], at): RecordedEntry => ({
    envelope: { position: 10 + at, at: 1_700_000_000_000 + at } as RecordedEntry['envelope'],
    entry: { type, data } as unknown as Entry,
  }),
);

const about = (url: string): Attested => ({
  run,
  recorded,
  repo: { url, branch: 'main' },
  origin: 'factory.example/trail',
  version: '0.1.0',
});
const release = { commit: sha('c'), tree: sha('d'), image: `node@${digest('8')}` } as unknown as Release;

it('says of a release what it was built from, what allowed it, and how it went, each with the position of its entry', () => {
  const statement = releaseStatement(about('https://example.org/shop.git'), release);
  expect(statement).toMatchObject({
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'https://slsa.dev/provenance/v1',
    subject: [{ name: 'rel_0000000000000001', digest: { sha256: '6'.repeat(64) } }],
  });
  const { buildDefinition, runDetails } = statement?.predicate ?? { buildDefinition: null, runDetails: null };
  expect(buildDefinition?.resolvedDependencies.map(({ name, digest: of }) => [name, of])).toEqual([
    ['source', { gitCommit: sha('c'), gitTree: sha('d') }],
    ['image', { sha256: '8'.repeat(64) }],
    ['ticket', { sha256: '1'.repeat(64) }],
    ['configuration', { sha256: '2'.repeat(64) }],
    ['plan', { sha256: '3'.repeat(64) }],
  ]);
  expect(runDetails?.builder).toEqual({
    id: 'https://factory.example/trail',
    version: { millwright: '0.1.0' },
  });
  expect(runDetails?.metadata).toEqual({
    invocationId: 'run_0000000000000001',
    startedOn: '2023-11-14T22:13:20.000Z',
    finishedOn: '2023-11-14T22:13:20.004Z',
  });
  expect(runDetails?.byproducts.map(({ annotations, uri }) => [uri, annotations])).toEqual([
    [
      `https://factory.example/trail/entries/12`,
      { position: 12, type: 'gate.approved', action: 'deploy', person: 'per_00000000bob' },
    ],
    [
      `https://factory.example/trail/entries/13`,
      {
        position: 13,
        type: 'gate.decided',
        action: 'deploy',
        decision: 'allow',
        policies: ['deploy-two'],
        approvals: 1,
      },
    ],
    [`https://factory.example/trail/entries/14`, { position: 14, type: 'release.built', verdict: 'passed' }],
    [
      `https://factory.example/trail/entries/15`,
      { position: 15, type: 'deploy.started', action: 'deploy', gate: GATE, fence: 4 },
    ],
    [
      `https://factory.example/trail/entries/16`,
      { position: 16, type: 'deploy.finished', result: 'rolled_back', live: null },
    ],
    [`https://factory.example/trail/entries/17`, { position: 17, type: 'revert.finished', ref: 'main' }],
  ]);
});

it.each([
  ['/srv/shop.git', 'git+file:///srv/shop.git'],
  ['https://example.org/shop.git', 'git+https://example.org/shop.git'],
  ['https://ada:secret@example.org/shop.git', 'git+https://example.org/shop.git'],
  ['ssh://git@example.org/shop.git', 'git+ssh://example.org/shop.git'],
])('names the repository at %s without what stands before its host', (url, uri) => {
  const statement = changeStatement(about(url));
  expect(statement?.subject).toEqual([
    { name: `${uri}@main`, digest: { gitCommit: sha('c'), gitTree: sha('d') } },
  ]);
  expect(statement?.predicate.buildDefinition.resolvedDependencies[0]).toEqual({
    name: 'base',
    uri,
    digest: { gitCommit: sha('b') },
  });
  expect(JSON.stringify(statement)).not.toContain('secret');
});

it('says nothing of what is not there', () => {
  const bare = { ...about('/srv/shop.git'), run: { ...run, merge: null, release: null } };
  expect([changeStatement(bare), releaseStatement(bare, release)]).toEqual([null, null]);
});
