import { z } from 'zod';
import { Digest, Instant, RepoName, RunnerName, UnitName } from '../ids.ts';
import { freeText } from '../words.ts';
import { e, reason } from './form.ts';
import { RoleScope } from './person.ts';

/** What a halt can be limited to: the start of runs, agents' stages and their model calls, pushes, or everything on a target. */
export const HaltAction = z.enum(['start', 'stage', 'merge', 'deploy']);
export type HaltAction = z.infer<typeof HaltAction>;

export const HaltScope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('factory') }),
  z.strictObject({ kind: z.literal('unit'), unit: UnitName }),
  z.strictObject({ kind: z.literal('repo'), repo: RepoName }),
  z.strictObject({ kind: z.literal('action'), action: HaltAction }),
  z.strictObject({ kind: z.literal('model'), model: z.string().min(1).max(200) }),
  z.strictObject({ kind: z.literal('runner'), runner: RunnerName }),
]);
export type HaltScope = z.infer<typeof HaltScope>;

/** `factory`: halts, budgets, keys, and what is said of the trail itself. */
export const factoryEntries = [
  e('factory.started', { version: z.string() }),
  /** Nothing of the scope goes forward until it is resumed. Without a scope: the whole factory. */
  e('factory.halted', { scope: HaltScope.optional(), reason }),
  e('factory.resumed', { scope: HaltScope.optional(), reason }),
  /**
   * This trail goes on from a backup, by its manifest's digest: up to `entries`, as it was at `madeAt`. What happened between then and `restoredAt`
   * is not on it.
   */
  e('factory.restored', {
    backup: Digest,
    entries: z.number().int().nonnegative(),
    madeAt: Instant,
    restoredAt: Instant,
  }),
  /** Dollars; null lifts the cap. */
  e('factory.budget-set', { scope: z.string().max(80), usd: z.number().nonnegative().nullable(), reason }),
  /** How many stages of the scope are at work at once; null lifts the limit. */
  e('factory.limit-set', {
    scope: z.string().max(80),
    stages: z.number().int().positive().nullable(),
    reason,
  }),
  /** What the trail cannot see of the ladder, attested by a person: that it holds there, or does not, on this evidence, until then. */
  e('ladder.attested', {
    scope: RoleScope,
    criterion: z.string().min(1).max(64),
    holds: z.boolean(),
    evidence: freeText(z.string().min(1).max(4_000)),
    until: Instant,
  }),
  /** A new checkpoint key: verifier keys, and a note on both that the old key and the new one have signed. */
  e('factory.key-rotated', {
    previous: z.string().max(1_000),
    next: z.string().max(1_000),
    note: z.string().max(8_000),
  }),
  /** The free text of an entry before this one is erased: recorded first, then done. */
  e('trail.redacted', { position: z.number().int().positive(), reason }),
  /** The database refused the factory something (SQLSTATE 42501): it tried what its role may not do. */
  e('database.refused', { role: z.enum(['orchestrator', 'runner']), reason }),
] as const;
export type FactoryEntry = z.infer<(typeof factoryEntries)[number]>;
