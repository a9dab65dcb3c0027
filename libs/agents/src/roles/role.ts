import type { Excerpt, Plan, Review, Role, SpecOf } from '@millwright/domain';
import type { z } from 'zod';
import type { Advice, Skill } from '../advice.ts';

/** What a role hands back, as the fields of its artifact that only a model can fill. The rest is computed by the factory. */
export type Submissions = {
  plan: Plan;
  implement:
    | { summary: string; commitMessage: string; blocked?: string }
    | { summary: string; unfinished: string };
  review: Pick<Review, 'verdict' | 'summary' | 'findings'>;
  test: { summary: string; checks: { acceptance: string; command: string; kind?: 'change' | 'guard' }[] };
  deploy: { notes: string; watch: string[] };
};

/**
 * What the runner reads for a role: the diff of a review or a release, and what changed since the last review, as text; the repository's
 * advice files; what it computed about the workspace, a line each.
 */
export type Materials = {
  advice: readonly Advice[];
  skills?: readonly Skill[];
  /** Paths of advice files for folders that are not touched yet. */
  elsewhere?: readonly string[];
  facts?: readonly string[];
  /** A planner's: the repository's files by folder, and where the ticket's words stand. */
  files?: string;
  hits?: string;
  /** What the planner hands on to this role. */
  excerpts?: readonly Excerpt[];
  diff?: string;
  interdiff?: string;
};

export type Accepted<R extends Role> =
  | { kind: 'accepted'; submission: Submissions[R] }
  | { kind: 'refused'; problem: string };

export type RoleDefinition<R extends Role> = {
  role: R;
  submit: { name: string; description: string; schema: z.ZodObject };
  writes: 'anywhere' | 'nowhere' | { under: string };
  /** Parses a submit's input: schema first, then what a schema cannot say. */
  accept(input: unknown, spec: SpecOf<R>): Accepted<R>;
  /** What a role leaves whose stage is over before its work is: why, and what the factory can tell of it. Absent: that fails the stage. */
  unfinished?(why: string, note: string): Submissions[R];
  /** The first user message, in blocks that are joined by empty lines; empty ones are left out. */
  brief(spec: SpecOf<R>, materials: Materials): string[];
};
