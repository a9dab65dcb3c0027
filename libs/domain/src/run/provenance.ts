import type { Release } from '../artifacts.ts';
import type { Entry, EntryOf, EntryType } from '../entries/index.ts';
import type { RecordedEntry } from '../envelope.ts';
import type { Digest, GitSha, Instant } from '../ids.ts';
import type { Run } from './state.ts';

// What a merged change and a release are attested with: an in-toto Statement v1, https://in-toto.io/Statement/v1, whose predicate is SLSA
// Provenance v1, https://slsa.dev/provenance/v1. The gates that allowed it, and where each step is on the trail, are its byproducts:
// resources with a digest and, as annotations, the position and type of their entry. docs/trail.md describes the two build types.

type ResourceDescriptor = {
  name?: string;
  uri?: string;
  digest?: Record<string, string>;
  annotations?: Record<string, unknown>;
};

export type Statement = {
  _type: 'https://in-toto.io/Statement/v1';
  subject: { name: string; digest: Record<string, string> }[];
  predicateType: 'https://slsa.dev/provenance/v1';
  predicate: {
    buildDefinition: {
      buildType: string;
      externalParameters: Record<string, unknown>;
      internalParameters: Record<string, unknown>;
      resolvedDependencies: ResourceDescriptor[];
    };
    runDetails: {
      builder: { id: string; version: Record<string, string> };
      metadata: { invocationId: string; startedOn: string; finishedOn: string };
      byproducts: ResourceDescriptor[];
    };
  };
};

/** Identifiers; they are not fetched. A change of meaning is another version. */
const BUILD_TYPES = {
  change: 'https://millwright.local/buildtypes/change/v1',
  release: 'https://millwright.local/buildtypes/release/v1',
} as const;

export type Attested = {
  run: Run;
  /** The run's own stream up to now. */
  recorded: readonly RecordedEntry[];
  repo: { url: string; branch: string };
  /** The trail's name, a schema-less URL: the builder is who signs it. */
  origin: string;
  version: string;
};

const sha256 = (digest: Digest): Record<string, string> => ({ sha256: digest.slice('sha256:'.length) });
const commit = (sha: GitSha): Record<string, string> => ({ gitCommit: sha });
const time = (at: Instant): string => new Date(at).toISOString();

/** A repository's address as SPDX writes it, without what a person might have put in front of its host. */
const gitUri = (url: string): string =>
  `git+${url.startsWith('/') ? `file://${url}` : url.replace(/^([a-z+]+:\/\/)[^/@]*@/, '$1')}`;

type Told = { at: Instant; position: number; entry: Entry };

function last<T extends EntryType>(
  told: readonly Told[],
  type: T,
  fits: (data: EntryOf<T>['data']) => boolean = () => true,
): { at: Instant; data: EntryOf<T>['data'] } | undefined {
  const found = told.findLast(({ entry }) => entry.type === type && fits(entry.data as EntryOf<T>['data']));
  return found && { at: found.at, data: found.entry.data as EntryOf<T>['data'] };
}

/** What an entry says was found or done, with the digest of what says it in full. */
type Digests = { [T in EntryType]?: (data: EntryOf<T>['data']) => ResourceDescriptor };
const BYPRODUCTS: Digests = {
  'gate.decided': ({ facts, decision, policies, approvals }) => ({
    name: 'facts of a gate',
    digest: sha256(facts),
    annotations: { decision, policies, approvals },
  }),
  'gate.approved': ({ person, subject }) => ({
    name: 'approval',
    digest: sha256(subject),
    annotations: { person },
  }),
  'task.reviewed': ({ review, verdict }) => ({
    name: 'review',
    digest: sha256(review),
    annotations: { verdict },
  }),
  'review.skipped': ({ kind }) => ({ name: 'no review', annotations: { kind } }),
  'change.tested': ({ report, verdict }) => ({
    name: 'test report',
    digest: sha256(report),
    annotations: { verdict },
  }),
  'merge.started': ({ commit: sha, gate }) => ({
    name: 'merge begun',
    digest: commit(sha),
    annotations: { gate },
  }),
  'merge.finished': ({ commit: sha, ref, delivered }) => ({
    name: 'merge',
    digest: commit(sha),
    annotations: { ref, delivered },
  }),
  'release.built': ({ artifact, verdict }) => ({
    name: 'release',
    digest: sha256(artifact),
    annotations: { verdict },
  }),
  'deploy.started': ({ gate, fence }) => ({ name: 'deploy begun', annotations: { gate, fence } }),
  'deploy.finished': ({ result, live }) => ({ name: 'deploy', annotations: { result, live } }),
  'revert.finished': ({ commit: sha, ref }) => ({
    name: 'revert',
    ...(sha === null ? {} : { digest: commit(sha) }),
    annotations: { ref },
  }),
};

function byproducts(
  told: readonly Told[],
  builder: string,
  types: readonly EntryType[],
): ResourceDescriptor[] {
  return told.flatMap(({ entry, position }) => {
    const describe = types.includes(entry.type) ? BYPRODUCTS[entry.type] : undefined;
    if (describe === undefined) return [];
    const described = (describe as (data: unknown) => ResourceDescriptor)(entry.data);
    const gate = 'gate' in entry.data ? actionOf(told, entry.data.gate) : {};
    return [
      {
        ...described,
        uri: `${builder}/entries/${position}`,
        annotations: { position, type: entry.type, ...gate, ...described.annotations },
      },
    ];
  });
}

function actionOf(told: readonly Told[], gate: string): { action?: string } {
  const asked = last(told, 'gate.asked', (data) => data.gate === gate);
  return asked === undefined ? {} : { action: asked.data.action };
}

const CHANGE: readonly EntryType[] = [
  'gate.decided',
  'gate.approved',
  'task.reviewed',
  'review.skipped',
  'change.tested',
  'merge.started',
  'merge.finished',
];
const RELEASE: readonly EntryType[] = [
  ...CHANGE,
  'release.built',
  'deploy.started',
  'deploy.finished',
  'revert.finished',
];

function statement(
  { run, recorded, repo, origin, version }: Attested,
  of: keyof typeof BUILD_TYPES,
  subject: Statement['subject'][number],
  dependencies: ResourceDescriptor[],
  end: EntryType,
): Statement {
  const told = recorded.flatMap(({ envelope, entry }) =>
    entry ? [{ at: envelope.at, position: envelope.position, entry }] : [],
  );
  const builder = `https://${origin}`;
  const started = told[0]?.at ?? 0;
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [subject],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPES[of],
        externalParameters: {
          repository: gitUri(repo.url),
          branch: repo.branch,
          ticket: run.ticket,
          requester: run.author,
        },
        internalParameters: { run: run.id, step: run.step },
        resolvedDependencies: [
          ...dependencies,
          { name: 'ticket', digest: sha256(run.ticketDigest) },
          { name: 'configuration', digest: sha256(run.config) },
          ...(run.plan === null ? [] : [{ name: 'plan', digest: sha256(run.plan) }]),
        ],
      },
      runDetails: {
        builder: { id: builder, version: { millwright: version } },
        metadata: {
          invocationId: run.id,
          startedOn: time(started),
          finishedOn: time(last(told, end)?.at ?? started),
        },
        byproducts: byproducts(told, builder, of === 'change' ? CHANGE : RELEASE),
      },
    },
  };
}

/** Of the commit that was merged: what it stands on, and what allowed it. Null while nothing is merged. */
export function changeStatement(about: Attested): Statement | null {
  const { run, repo } = about;
  if (run.merge?.kind !== 'finished') return null;
  const uri = gitUri(repo.url);
  const base = { name: 'base', uri, digest: commit(run.change?.base ?? run.base.commit) };
  const subject = {
    name: `${uri}@${run.merge.ref}`,
    digest: { ...commit(run.merge.commit), gitTree: run.merge.tree },
  };
  return statement(about, 'change', subject, [base], 'merge.finished');
}

/** Of the layer that ships: the commit it was built from, the image it lies on, and what allowed it. Null while there is none. */
export function releaseStatement(about: Attested, release: Release): Statement | null {
  const { run, repo } = about;
  if (run.release === null) return null;
  const image = /^(?:.*@)?sha256:([0-9a-f]{64})$/.exec(release.image)?.[1];
  const subject = { name: run.release.release, digest: sha256(run.release.layer) };
  const source = {
    name: 'source',
    uri: gitUri(repo.url),
    digest: { ...commit(release.commit), gitTree: release.tree },
  };
  const below = {
    name: 'image',
    ...(image === undefined ? { uri: release.image } : { digest: { sha256: image } }),
  };
  return statement(about, 'release', subject, [source, below], 'release.built');
}
