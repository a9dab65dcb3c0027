import { createHash, randomBytes } from 'node:crypto';
import { numberArray, textArray } from '@millwright/database';
import {
  type AppendResult,
  type AttemptId,
  type Claim,
  type Clock,
  DEFAULT_UNIT,
  type RecordedEntry,
  type RepoName,
  retryable,
  type UnitName,
  unitAfter,
} from '@millwright/domain';
import { type AttemptStream, attemptStream, type ClaimDoor, type HeldClaim } from './attempt-stream.ts';
import { openPool, type Pool, reading } from './connect.ts';
import { stayAlive } from './liveness.ts';
import { encode, packed, type Row, recorded } from './rows.ts';
import { runnerRefusals } from './runner-refusals.ts';

/** The trail as a runner has it: attempts it claims, and nothing else. */
export type RunnerTrail = {
  readonly incarnation: string;
  /** Claims an attempt if nobody has, or whoever had is dead. `taken` also when this very runner holds it: a doubled wake-up. */
  claim(attempt: AttemptId): Promise<Claim>;
  stream(claim: HeldClaim): AttemptStream;
  /** Halts, their ends and the factory's starts on its stream after a version, in order. */
  halts(afterVersion: number): Promise<RecordedEntry[]>;
  /** The units that these repositories are of now. */
  units(repos: readonly RepoName[]): Promise<Map<RepoName, UnitName>>;
  /** Puts a refusal that another adapter of this process saw (SQLSTATE 42501) on the attempt that is held; the trail's own are put there anyway. */
  refused(message: string): void;
  /** Ends the session: what is still claimed is free at once. */
  close(): Promise<void>;
};

type AppendRow = { kind: AppendResult['kind']; at_version: number; at_position: number; reason: string };

function claimDoor(pool: Pool, clock: Clock, { attempt, secret: hex }: HeldClaim): ClaimDoor {
  const secret = Buffer.from(hex, 'hex');
  return {
    append: async (version, actor, entries) => {
      const p = packed(encode(`attempt/${attempt}`, actor, entries));
      const [row] = await pool.use(
        (sql) => sql<[AppendRow]>`
          select kind, at_version, at_position, reason from millwright.runner_append(
            ${attempt}, ${secret}, ${numberArray(entries.map((_, i) => version + 1 + i))}::integer[], ${actor}, ${clock.now()},
            ${p.types}::text[], ${p.salts}, ${p.ends}::integer[], ${p.payloads}, ${p.wordsEnds}::integer[], ${p.words})`,
      );
      if (row.kind === 'refused') return { kind: 'refused', reason: row.reason };
      if (row.kind === 'conflict') return { kind: 'conflict', actualVersion: row.at_version };
      return { kind: 'appended', version: row.at_version, position: row.at_position };
    },
    read: (afterVersion) =>
      reading(pool, async (sql) => {
        const rows = await sql<Row[]>`
          select entry_position as position, stream, version, type, actor, at, payload_digest, salt, bytes, words_salt, words
          from millwright.runner_read(${attempt}, ${secret}, ${afterVersion})`;
        return rows.map(recorded);
      }),
    release: () =>
      pool.use(async (sql) => {
        const [row] = await sql<[{ done: boolean }]>`
          select millwright.runner_release(${attempt}, ${secret}) as done`;
        return row.done;
      }),
  };
}

/**
 * Opens the trail for a runner, under an incarnation of its own: `[0-9a-z-]{1,64}`, never used before. Resolves once its liveness lock
 * is held (10 s at most). Errors as openTrail.
 */
export async function openRunnerTrail(options: {
  url: string;
  clock: Clock;
  incarnation: string;
  maxConnections?: number;
  /** Hears of a refusal that could not be put on the trail, and why. */
  unrecorded?: (reason: string, why: string) => void;
}): Promise<RunnerTrail> {
  const { clock, incarnation } = options;
  const liveness = await stayAlive({ url: options.url, incarnation, withinMs: 10_000 });
  /** Claims that are used, the newest last. */
  const held = new Map<AttemptId, AttemptStream>();
  const newest = () => [...held.values()].at(-1);
  const refused = runnerRefusals(incarnation, newest, options.unrecorded ?? (() => undefined));
  const pool = openPool(options.url, { max: options.maxConnections ?? 4, onForbidden: refused });

  const tryClaim = async (attempt: AttemptId): Promise<Claim | 'not_alive'> => {
    const secret = randomBytes(32);
    const hash = createHash('sha256').update(secret).digest();
    const [row] = await pool.use(
      (sql) => sql<[{ kind: Claim['kind'] | 'not_alive'; fence: number; at_version: number }]>`
        select kind, fence, at_version
        from millwright.runner_claim(${attempt}, ${incarnation}, ${hash}, ${clock.now()}, ${randomBytes(16)})`,
    );
    if (row.kind === 'not_alive') return 'not_alive';
    if (row.kind !== 'claimed') return { kind: row.kind };
    return {
      kind: 'claimed',
      attempt,
      fence: row.fence,
      secret: secret.toString('hex'),
      version: row.at_version,
    };
  };

  return {
    incarnation,
    claim: async (attempt) => {
      for (let tries = 0; tries < 3; tries++) {
        const claim = await tryClaim(attempt);
        if (claim !== 'not_alive') return claim;
        await liveness.beat(); // our session was lost since the last beat
      }
      throw retryable('trail-unreachable', `runner ${incarnation} has lost its session`, 200);
    },
    stream: (claim) => {
      const ended = () => void held.delete(claim.attempt);
      const stream = attemptStream(claimDoor(pool, clock, claim), clock, claim, ended);
      held.set(claim.attempt, stream);
      return stream;
    },
    halts: (afterVersion) =>
      reading(pool, async (sql) => {
        const rows = await sql<Row[]>`
          select entry_position as position, stream, version, type, actor, at, payload_digest, salt, bytes, words_salt, words
          from millwright.runner_halts(${afterVersion})`;
        return rows.map(recorded);
      }),
    units: (repos) =>
      reading(pool, async (sql) => {
        const rows = await sql<Row[]>`
          select entry_position as position, stream, version, type, actor, at, payload_digest, salt, bytes, words_salt, words
          from millwright.runner_units(${textArray(repos)}::text[])`;
        const units = new Map(repos.map((repo) => [repo, DEFAULT_UNIT]));
        for (const { entry, envelope } of rows.map(recorded)) {
          const repo = envelope.stream.slice('repo/'.length) as RepoName;
          units.set(repo, unitAfter(units.get(repo) ?? DEFAULT_UNIT, entry));
        }
        return units;
      }),
    refused,
    close: async () => {
      await Promise.all([liveness.close(), pool.close()]);
    },
  };
}
