import {
  Entry,
  type EntryOf,
  type EntryType,
  type Envelope,
  type Instant,
  nameOfScope,
} from '@millwright/domain';
import { z } from 'zod';
import { Buffer } from '#platform';
import { upcast } from '../../upcast.ts';
import { canonicalBytes } from '../log/entry.ts';
import { saidBy } from '../log/payloads.ts';
import { type BundleVerdict, verifyBundle } from '../verify/verify-bundle.ts';
import { type Bundle, type ReadEntry, readBundle } from './bundle.ts';

// An evidence pack: what an auditor asks of a period, projected from entries, together with these entries and their proofs. Whoever checks it
// projects again, and must find the same lines: the factory's word is not needed for any of them.

const EVIDENCE_FORMAT = 'millwright-evidence-pack';
export const FRAMEWORKS = ['soc2'] as const;
export type Framework = (typeof FRAMEWORKS)[number];

/** Sections by the criteria of SOC 2 (AICPA Trust Services Criteria, 2017, points of focus revised 2022) that they are evidence of. */
export const SECTIONS = {
  changes: { title: 'Change approvals', criteria: ['CC8.1'] },
  duties: { title: 'Segregation of duties', criteria: ['CC5.1', 'CC6.3'] },
  access: { title: 'Access and keys', criteria: ['CC6.1', 'CC6.2', 'CC6.3'] },
  incidents: { title: 'Incidents', criteria: ['CC7.3', 'CC7.4'] },
  rollbacks: { title: 'Rollbacks', criteria: ['CC7.5', 'CC8.1'] },
} as const;
export type Section = keyof typeof SECTIONS;

type EvidenceLine = {
  /** The entry that the line is about; its proof is in the bundle. */
  position: number;
  at: Instant;
  actor: string;
  text: string;
  /** False where an auditor should look: nobody separate approved, something failed. */
  ok: boolean;
  /** Other entries that the line rests on, also in the bundle. */
  support: number[];
};
type Evidence = Record<Section, EvidenceLine[]>;

export type EvidencePack = {
  format: typeof EVIDENCE_FORMAT;
  v: 1;
  framework: Framework;
  /** Entries after `since` and up to `through`; those in `support` may be older. */
  since: number;
  through: number;
  evidence: Evidence;
  /** People's names by id, as the factory has them now: outside the trail, so not proved. */
  names: Record<string, string>;
  bundle: Bundle;
};

/** Types with a line of their own. */
export const EVIDENT: readonly EntryType[] = [
  'merge.finished',
  'person.invited',
  'person.accepted',
  'person.rotated',
  'person.granted',
  'person.revoked',
  'person.linked',
  'person.unlinked',
  'person.erased',
  'trail.redacted',
  'database.refused',
  'repo.added',
  'repo.moved',
  'unit.added',
  'unit.policy-set',
  'repo.step-set',
  'autonomy.dropped',
  'repo.secret-set',
  'factory.key-rotated',
  'factory.restored',
  'factory.halted',
  'factory.resumed',
  'attempt.refused',
  'gate.denied',
  'ticket.filed',
  'ticket.reopened',
  'deploy.finished',
  'revert.finished',
  'target.revert-finished',
  'target.released',
];
/** Types that lines of the same run rest on. */
export const SUPPORTING: readonly EntryType[] = [
  'run.opened',
  'gate.asked',
  'gate.decided',
  'gate.approved',
  'task.reviewed',
  'review.skipped',
  'change.composed',
  'change.tested',
];

type Told = { envelope: Envelope; entry: Entry | null };

type Line = { section: Section; ok: boolean; text: string; support?: number[] };

const short = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12);

/** The entries of one run that a merge rests on: the last of each kind before it. */
class Before {
  readonly #told: readonly Told[];
  readonly used: number[] = [];

  constructor(all: readonly Told[], { envelope }: Told) {
    this.#told = all.filter(
      (one) => one.envelope.stream === envelope.stream && one.envelope.position < envelope.position,
    );
  }

  all<T extends EntryType>(
    type: T,
    fits: (data: EntryOf<T>['data']) => boolean = () => true,
  ): EntryOf<T>['data'][] {
    return this.#told.flatMap(({ envelope, entry }) => {
      if (entry?.type !== type || !fits(entry.data as EntryOf<T>['data'])) return [];
      this.used.push(envelope.position);
      return [entry.data as EntryOf<T>['data']];
    });
  }

  last<T extends EntryType>(
    type: T,
    fits?: (data: EntryOf<T>['data']) => boolean,
  ): EntryOf<T>['data'] | undefined {
    const from = this.used.length;
    const found = this.all(type, fits).at(-1);
    this.used.splice(from, Math.max(0, this.used.length - from - 1));
    return found;
  }
}

/** The lines of a merged change: who wanted it, what judged it, who approved, and whether these were different people. */
function merged(
  all: readonly Told[],
  told: Told,
  { commit, ref }: EntryOf<'merge.finished'>['data'],
): Line[] {
  const before = new Before(all, told);
  const opened = before.last('run.opened');
  const change = before.last('change.composed');
  const asked = before.last(
    'gate.asked',
    (data) => data.action === 'merge' && data.subject === change?.subject,
  );
  const decided = before.last('gate.decided', (data) => data.gate === asked?.gate);
  const review = before.last('task.reviewed', (data) => data.patchId === change?.patchId);
  const skipped = before.last('review.skipped', (data) => data.tree === change?.tree);
  const test = before.last('change.tested', (data) => data.tree === change?.tree);
  const approvals = before
    .all('gate.approved', (data) => data.gate === asked?.gate)
    .map(({ person }) => person as string);
  const requester = opened?.author as string | undefined;
  const support = [...before.used].sort((a, b) => a - b);
  const allowed = decided?.decision === 'allow';
  const judged = `review ${skipped === undefined ? (review?.verdict ?? 'missing') : 'not asked for, as trivial'}, tests ${test?.verdict ?? 'missing'}`;
  const by = decided?.policies.join(', ') || 'no policy';
  const approved =
    approvals.length === 0 ? 'approved by policy alone' : `approved by ${approvals.join(', ')}`;
  const own = requester !== undefined && approvals.includes(requester);
  const separate =
    approvals.length === 0
      ? `no person approved; planner, implementer${skipped === undefined ? ', reviewer' : ''} and tester worked apart, and the factory judged`
      : own
        ? `the requester ${requester} is among the approvers`
        : `requested by ${requester ?? 'nobody known'}, approved by ${approvals.join(', ')}: different people`;
  return [
    {
      section: 'changes',
      ok: allowed && skipped === undefined && review?.verdict === 'approve' && test?.verdict === 'passed',
      text: `commit ${short(commit)} on ${ref}, requested by ${requester ?? 'nobody known'}: ${judged}; gate ${decided?.decision ?? 'missing'} by ${by}; ${approved}`,
      support,
    },
    {
      section: 'duties',
      ok: requester !== undefined && !own,
      text: `commit ${short(commit)}: ${separate}`,
      support,
    },
  ];
}

const invitedAs = ({ roles, scope }: EntryOf<'person.invited'>['data']): string =>
  `${roles.join(', ')}${scope === undefined || scope.kind === 'factory' ? '' : ` of ${nameOfScope(scope)}`}`;
const givenIn = ({ role, scope, reason }: EntryOf<'person.granted'>['data']): string =>
  `${role} of ${nameOfScope(scope)}: ${reason}`;

function linesOf(all: readonly Told[], told: Told): Line[] {
  const { entry } = told;
  const one = (section: Section, ok: boolean, text: string): Line[] => [{ section, ok, text }];
  switch (entry?.type) {
    case 'merge.finished':
      return merged(all, told, entry.data);
    case 'person.invited':
      return one('access', true, `invited ${entry.data.person} as ${invitedAs(entry.data)}`);
    case 'person.accepted':
      return one('access', true, `${entry.data.person} accepted the invitation`);
    case 'person.rotated':
      return one('access', true, `rotated the token of ${entry.data.person}`);
    case 'person.granted':
      return one('access', true, `granted ${entry.data.person} ${givenIn(entry.data)}`);
    case 'person.revoked':
      return one('access', true, `took from ${entry.data.person} ${givenIn(entry.data)}`);
    case 'person.linked':
    case 'person.unlinked': {
      const { person, place, account, reason } = entry.data;
      const did = entry.type === 'person.linked' ? 'linked' : 'unlinked';
      return one('access', true, `${did} ${person} and account ${account} on ${place}: ${reason}`);
    }
    case 'person.erased':
      return one('access', true, `erased ${entry.data.person}: ${entry.data.reason}`);
    case 'trail.redacted':
      return one('access', true, `erased the words of entry ${entry.data.position}: ${entry.data.reason}`);
    case 'database.refused':
      return one('incidents', false, `the database refused the ${entry.data.role}: ${entry.data.reason}`);
    case 'repo.added':
      return one('access', true, `connected repository ${entry.data.repo}, branch ${entry.data.branch}`);
    case 'repo.moved':
      return one('access', true, `moved ${entry.data.repo} to unit ${entry.data.unit}: ${entry.data.reason}`);
    case 'unit.added':
      return one('access', true, `added unit ${entry.data.unit}: ${entry.data.reason}`);
    case 'unit.policy-set':
      return one(
        'access',
        true,
        `${entry.data.policy === null ? 'took away' : 'set'} the policy of unit ${entry.data.unit}: ${entry.data.reason}`,
      );
    case 'repo.step-set':
      return one(
        'access',
        true,
        `set ${entry.data.kind === undefined ? '' : `${entry.data.kind} changes of `}${entry.data.repo} to autonomy step ${entry.data.step}: ${entry.data.reason}`,
      );
    case 'autonomy.dropped': {
      const { repo, kind, from, to, cause, release } = entry.data;
      const what = kind === null ? 'every kind of change' : `${kind} changes`;
      return one(
        'access',
        true,
        `the factory took autonomy from ${what} of ${repo}, step ${from} to ${to}: ${cause.replaceAll('_', ' ')} ${release ?? ''}`.trimEnd(),
      );
    }
    case 'repo.secret-set':
      return one('access', true, `set secret ${entry.data.name} of ${entry.data.repo}`);
    case 'factory.key-rotated':
      return one('access', true, `rotated the checkpoint key to ${entry.data.next}`);
    case 'factory.restored':
      return one(
        'incidents',
        false,
        `restored from a backup of ${entry.data.entries} entries: what happened between ${new Date(entry.data.madeAt).toISOString()} and ${new Date(entry.data.restoredAt).toISOString()} is not on this trail`,
      );
    case 'factory.halted':
      return one('incidents', false, `halted the factory: ${entry.data.reason}`);
    case 'factory.resumed':
      return one('incidents', true, `resumed the factory: ${entry.data.reason}`);
    case 'attempt.refused':
      return one('incidents', false, `refused a runner that came back late: ${entry.data.reason}`);
    case 'gate.denied':
      return one('incidents', true, `a person denied a gate: ${entry.data.reason}`);
    case 'ticket.filed': {
      const { kind, ticket, repo } = entry.data;
      return kind === 'incident' || kind === 'security'
        ? one('incidents', false, `${kind} ticket ${ticket} filed for ${repo}`)
        : [];
    }
    case 'ticket.reopened':
      return one('rollbacks', true, `reopened ticket ${entry.data.ticket} with the evidence`);
    case 'deploy.finished': {
      const { release, result, live } = entry.data;
      if (result === 'promoted') return [];
      const section = result === 'rolled_back' ? 'rollbacks' : 'incidents';
      return one(
        section,
        false,
        `deploy of ${release} ${result === 'failed' ? 'failed' : 'was rolled back'}; ${live ?? 'nothing'} serves`,
      );
    }
    case 'revert.finished':
    case 'target.revert-finished':
      return entry.data.commit === null
        ? one('rollbacks', false, `the revert was left to a person: ${entry.data.reason}`)
        : one('rollbacks', true, `reverted by commit ${short(entry.data.commit)} on ${entry.data.ref}`);
    case 'target.released':
      return entry.data.by === 'rollback'
        ? one(
            'rollbacks',
            true,
            `traffic back to ${entry.data.release}, from ${entry.data.previous ?? 'nothing'}: ${entry.data.reason}`,
          )
        : [];
    default:
      return [];
  }
}

/** The evidence that these entries give, in their order; lines only for those after `since`. Pure. */
function evidenceOf(all: readonly Told[], since: number): Evidence {
  const evidence: Evidence = { changes: [], duties: [], access: [], incidents: [], rollbacks: [] };
  for (const told of all) {
    const { position, at, actor } = told.envelope;
    if (position <= since) continue;
    for (const { section, ok, text, support = [] } of linesOf(all, told))
      evidence[section].push({ position, at, actor, text, ok, support });
  }
  return evidence;
}

/** An entry of a bundle as the projection reads it; one that does not parse says nothing, erased words read as redacted. */
function toldBy({ envelope, payload }: ReadEntry): Told {
  try {
    const data = payload === null ? null : saidBy(payload);
    return { envelope, entry: Entry.safeParse(upcast({ type: envelope.type, data })).data ?? null };
  } catch {
    return { envelope, entry: null }; // its digest holds, so it was recorded like that
  }
}

/** The pack over a bundle that holds all entries of the types in `EVIDENT` from `since` to `through`, and what they rest on. */
export function evidencePack(
  bundle: Bundle,
  about: { framework: Framework; since: number; through: number; names: Record<string, string> },
): EvidencePack {
  const read = readBundle(JSON.stringify(bundle));
  if (read.kind !== 'read') throw new TypeError(`not a bundle: ${read.reason}`);
  const evidence = evidenceOf(read.bundle.entries.map(toldBy), about.since);
  return { format: EVIDENCE_FORMAT, v: 1, ...about, evidence, bundle };
}

const Pack = z.strictObject({
  format: z.literal(EVIDENCE_FORMAT),
  v: z.literal(1),
  framework: z.enum(FRAMEWORKS),
  since: z.number().int().nonnegative(),
  through: z.number().int().nonnegative(),
  evidence: z.record(z.string(), z.unknown()),
  names: z.record(z.string(), z.string()),
  bundle: z.unknown(),
});

export type EvidenceVerdict = {
  /** Of the entries: nothing in them was changed. */
  integrity: BundleVerdict['integrity'];
  /** Of the lines: each is what the entries say, and none that they give is missing. */
  lines:
    | { kind: 'ok'; count: number }
    | { kind: 'wrong'; section: string; reason: string }
    | { kind: 'unknown' };
  range: { since: number; through: number } | null;
  checkpoint: BundleVerdict['checkpoint'];
};

/** Judges a pack with nothing but verifier keys. Never throws. */
export function verifyEvidence(source: string, vkeys: readonly string[]): EvidenceVerdict {
  const unreadable = (reason: string): EvidenceVerdict => ({
    integrity: { kind: 'unreadable', code: 'malformed', reason },
    lines: { kind: 'unknown' },
    range: null,
    checkpoint: null,
  });
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    return unreadable('the pack is not JSON: it may be cut, or another kind of file');
  }
  const pack = Pack.safeParse(value);
  if (!pack.success) return unreadable('this is JSON, but not an evidence pack of this version');
  const { since, through } = pack.data;
  const bundle = JSON.stringify(pack.data.bundle) ?? '';
  const { integrity, checkpoint } = verifyBundle(bundle, vkeys);
  const read = readBundle(bundle);
  if (integrity.kind !== 'ok' || read.kind !== 'read')
    return { integrity, lines: { kind: 'unknown' }, range: { since, through }, checkpoint };
  return {
    integrity,
    lines: compared(pack.data.evidence, evidenceOf(read.bundle.entries.map(toldBy), since)),
    range: { since, through },
    checkpoint,
  };
}

function compared(given: Record<string, unknown>, found: Evidence): EvidenceVerdict['lines'] {
  const same = (a: unknown, b: unknown) => Buffer.compare(canonicalBytes(a), canonicalBytes(b)) === 0;
  for (const section of Object.keys({ ...given, ...found }))
    if (!same(given[section] ?? null, found[section as Section] ?? null))
      return { kind: 'wrong', section, reason: `the lines of ${section} are not what the entries say` };
  return { kind: 'ok', count: Object.values(found).reduce((sum, lines) => sum + lines.length, 0) };
}
