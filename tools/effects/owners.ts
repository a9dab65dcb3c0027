import type { EntryType } from '@millwright/domain';

// Every place of the code that ships which touches the outside, and the entries around what it does there: an intent before, an outcome after.
// The check fails on a place that is not here, on one that touches something else than it says, and on one that touches nothing any more.

/** `files`: writes to the file system. `network`: opens connections or listens. `process`: starts programs. */
export type Touch = 'model' | 'docker' | 'network' | 'process' | 'files';

/** Why what a place does needs no entry: nothing of the factory's work is done by it. */
type Apart =
  /** Writes only below the data folder or the process's own temporary folder, where it keeps what can be made again, or keys. */
  | 'data folder'
  /** A person's own command on the person's own machine; what it does to a factory goes through the API, which appends. */
  | "a person's command"
  /** Only asks: changes nothing where it asks. */
  | 'asks'
  /** Hands out signed checkpoints, where the configuration says. An entry about one would need the next one, without end. */
  | 'publishes checkpoints';

export type Owner = { readonly does: string; readonly touches: readonly Touch[] } & (
  | { readonly intent: readonly EntryType[]; readonly outcome: readonly EntryType[] }
  | { readonly apart: Apart }
);

const attempt = { intent: ['attempt.claimed'], outcome: ['attempt.sandboxed', 'attempt.closed'] } as const;
const target = { intent: ['target.effect-started'], outcome: ['target.effect-finished'] } as const;

/** By path from the root; a folder ends with `/` and speaks for all files below it that are not listed themselves. */
export const OWNERS: Readonly<Record<string, Owner>> = {
  // The model.
  'libs/agents/src/model/endpoint.ts': {
    does: 'asks a model for a turn',
    touches: ['model'],
    intent: ['turn.asked'],
    outcome: ['turn.recorded', 'turn.lost', 'attempt.closed'],
  },
  'libs/store/src/artifact-place.ts': {
    does: 'keeps large artifacts by their digests, in a folder or a bucket: what an attempt stands on and hands in',
    touches: ['files'],
    ...attempt,
  },
  // Sandboxes: containers, overlays, checkouts, dependencies; all within one attempt.
  'libs/sandbox/src/': {
    does: 'makes, uses and removes sandboxes',
    touches: ['docker', 'process', 'files'],
    ...attempt,
  },
  'apps/sandbox-runner/src/prepare/': {
    does: 'installs dependencies through a proxy that reaches the package registry alone',
    touches: ['network', 'process', 'files'],
    ...attempt,
  },
  'libs/toolchains/src/javascript/harness/patch.mjs': {
    does: 'runs in a sandbox: puts the harness into the runners that are installed there',
    touches: ['files'],
    ...attempt,
  },
  'apps/sandbox-runner/src/main.ts': {
    does: 'says in a file that it lives',
    touches: ['files'],
    apart: 'data folder',
  },
  'apps/sandbox-runner/src/verify/': { does: 'lays out what is tested', touches: ['files'], ...attempt },
  'apps/console/src/api/client.ts': {
    does: "asks the factory what a person's browser wants",
    touches: ['network'],
    apart: "a person's command",
  },
  // Places outside.
  'libs/connect/src/': {
    does: 'reads issues, and writes comments, proposals and the state of an issue',
    touches: ['network'],
    intent: ['ticket.outside-started'],
    outcome: ['ticket.outside-finished'],
  },
  'libs/twins/src/': {
    does: 'stands in on loopback for a place outside, in tests',
    touches: ['network'],
    apart: "a person's command",
  },
  // Repositories.
  'apps/orchestrator/src/source-control/': {
    does: 'runs git: fetches, and pushes merges and reverts',
    touches: ['process', 'files'],
    intent: ['repo.added', 'merge.started', 'revert.started', 'target.revert-started'],
    outcome: ['run.opened', 'merge.finished', 'revert.finished', 'target.revert-finished'],
  },
  // Targets: what serves.
  'libs/rollback/src/targets/docker/': {
    does: 'starts, switches and stops releases',
    touches: ['docker', 'network', 'files'],
    ...target,
  },
  'libs/rollback/src/proxy/': { does: 'moves traffic', touches: ['network', 'files'], ...target },
  'libs/rollback/src/targets/command/': {
    does: "runs a repository's own deploy commands",
    touches: ['process', 'files'],
    ...target,
  },
  'libs/rollback/src/targets/lock.ts': {
    does: 'holds a target on its machine',
    touches: ['files'],
    ...target,
  },
  'libs/rollback/src/durable.ts': {
    does: "keeps a target's record",
    touches: ['files'],
    apart: 'data folder',
  },
  'libs/rollback/src/targets/probe.ts': { does: 'knocks at a release', touches: ['network'], apart: 'asks' },
  'libs/rollback/src/canary/checks.ts': {
    does: 'asks health addresses and metrics',
    touches: ['network'],
    apart: 'asks',
  },
  'apps/orchestrator/src/releases/pager.ts': {
    does: 'calls a person',
    touches: ['network'],
    intent: ['target.frozen'],
    outcome: ['target.paged'],
  },
  // The trail itself, and what is beside it.
  'apps/orchestrator/src/releases/offline-journal.ts': {
    does: 'journals going back while the trail is away',
    touches: ['files'],
    apart: 'data folder',
  },
  'apps/orchestrator/src/releases/rollback-cache.ts': {
    does: 'keeps what going back needs without a database',
    touches: ['files'],
    apart: 'data folder',
  },
  'libs/audit/src/seal/key-folder.ts': {
    does: 'keeps the checkpoint key',
    touches: ['files'],
    apart: 'data folder',
  },
  'apps/orchestrator/src/publish/places.ts': {
    does: 'puts checkpoints into a file and onto a branch of their own',
    touches: ['files'],
    apart: 'publishes checkpoints',
  },
  'apps/orchestrator/src/releases/after-restore.ts': {
    does: 'takes away the note that a restore left, once the trail says so',
    touches: ['files'],
    apart: 'data folder',
  },
  'apps/orchestrator/src/compose.ts': {
    does: 'makes its folder and the key of secrets',
    touches: ['files'],
    apart: 'data folder',
  },
  'apps/orchestrator/src/backup-database.ts': {
    does: 'is run by people: writes a backup, and reads one back',
    touches: ['files'],
    apart: "a person's command",
  },
  'apps/cli/': {
    does: 'is run by people',
    touches: ['network', 'process', 'files'],
    apart: "a person's command",
  },
};

/**
 * Acts that leave the factory for good, by the call that does them: whoever calls one holds the names of the entries around it. So that
 * another caller cannot do it in silence.
 */
export const ACTS: readonly { call: RegExp; callers: Readonly<Record<string, readonly EntryType[]>> }[] = [
  {
    call: /\brepo\.(?:push|pushBranch)\(/,
    callers: {
      'apps/orchestrator/src/runs/steps/merge.ts': ['merge.started', 'merge.finished', 'merge.refused'],
      // Its callers are the next two.
      'apps/orchestrator/src/source-control/revert.ts': [],
      'apps/orchestrator/src/publish/places.ts': [],
    },
  },
  {
    call: /\brevertMerge\(/,
    callers: {
      'apps/orchestrator/src/runs/steps/revert.ts': ['revert.started', 'revert.finished'],
      'apps/orchestrator/src/releases/revert-merge.ts': ['target.revert-started', 'target.revert-finished'],
    },
  },
  {
    call: /\brestoreMerge\(/,
    callers: { 'apps/orchestrator/src/releases/redeploy.ts': ['undo.started', 'undo.finished'] },
  },
  {
    call: /\bclient\.call\(request\b/,
    callers: { 'libs/agents/src/ask.ts': [] },
  },
];
