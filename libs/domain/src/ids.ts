import { z } from 'zod';

// Every id is branded and parsed once, at the edge. The prefix says what it names.

const id = <P extends string>(prefix: P) =>
  z
    .string()
    .regex(
      new RegExp(`^${prefix}_[0-9a-z]{8,32}$`),
      `expected an id, ${prefix}_ and at least 8 small letters and digits`,
    );

export const RunId = id('run').brand<'RunId'>();
export type RunId = z.infer<typeof RunId>;

export const TicketId = id('tkt').brand<'TicketId'>();
export type TicketId = z.infer<typeof TicketId>;

export const AttemptId = id('att').brand<'AttemptId'>();
export type AttemptId = z.infer<typeof AttemptId>;

export const GateId = id('gate').brand<'GateId'>();
export type GateId = z.infer<typeof GateId>;

export const ReleaseId = id('rel').brand<'ReleaseId'>();
export type ReleaseId = z.infer<typeof ReleaseId>;

export const PersonId = id('per').brand<'PersonId'>();
export type PersonId = z.infer<typeof PersonId>;

const shortName = (of: string) =>
  z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9._-]{0,62}$/,
      `a ${of} name is 1–63 of a-z 0-9 . _ -, starting with a letter or digit`,
    );

/** A repository's name in this factory, chosen by the administrator. */
export const RepoName = shortName('repository').brand<'RepoName'>();
export type RepoName = z.infer<typeof RepoName>;

/** A unit's name in this factory, chosen by the administrator. */
export const UnitName = shortName('unit').brand<'UnitName'>();
export type UnitName = z.infer<typeof UnitName>;

/** A runner's name: what its machine is called, or its setting says. */
export const RunnerName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'a runner is called by letters, digits, . _ and -, 63 at most')
  .brand<'RunnerName'>();
export type RunnerName = z.infer<typeof RunnerName>;

/** A planner's id of a task, unique within its plan. */
export const TaskId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/)
  .brand<'TaskId'>();
export type TaskId = z.infer<typeof TaskId>;

/** SHA-256 of an artifact's bytes. */
export const Digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .brand<'Digest'>();
export type Digest = z.infer<typeof Digest>;

/** A git object's name: commit or tree. SHA-1 or SHA-256 repositories. */
export const GitSha = z
  .string()
  .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/)
  .brand<'GitSha'>();
export type GitSha = z.infer<typeof GitSha>;

/** `git diff --full-index --binary | git patch-id --verbatim`: white space counts, since in some languages it is meaning. */
export const PatchId = z
  .string()
  .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/)
  .brand<'PatchId'>();
export type PatchId = z.infer<typeof PatchId>;

/**
 * Who acted: `per_…` a person, `agent/<role>` a model in a role, `runner/<incarnation>`, `orchestrator`, `schedule/<name>`,
 * `integration/<kind>/<id>`. Opaque: names live elsewhere.
 */
export const Actor = z
  .string()
  .regex(
    /^(per_[0-9a-z]{8,32}|agent\/[a-z]+|runner\/[0-9a-z-]+|schedule\/[0-9a-z-]{1,64}|integration\/[a-z]{1,32}\/[0-9A-Za-z._-]{1,64}|orchestrator|migrator)$/,
  )
  .brand<'Actor'>();
export type Actor = z.infer<typeof Actor>;

/** A stream of the trail, e.g. `run/run_…`, `attempt/att_…`, `ticket/tkt_…`, `repo/shop`, `target/shop`, `unit/payments`, `factory`. */
export const StreamId = z
  .string()
  .regex(/^(factory|(run|attempt|ticket|repo|target|person|unit)\/[0-9a-z._-]{1,64})$/)
  .brand<'StreamId'>();
export type StreamId = z.infer<typeof StreamId>;

export const streamOf = {
  run: (id: RunId) => `run/${id}` as StreamId,
  attempt: (id: AttemptId) => `attempt/${id}` as StreamId,
  ticket: (id: TicketId) => `ticket/${id}` as StreamId,
  repo: (name: RepoName) => `repo/${name}` as StreamId,
  target: (name: RepoName) => `target/${name}` as StreamId,
  person: (id: PersonId) => `person/${id}` as StreamId,
  unit: (name: UnitName) => `unit/${name}` as StreamId,
  factory: () => 'factory' as StreamId,
};

/** Milliseconds since the epoch, by the factory's clock. */
export const Instant = z.number().int().nonnegative();
export type Instant = z.infer<typeof Instant>;
