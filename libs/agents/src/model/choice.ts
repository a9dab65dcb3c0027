import type { Role } from '@millwright/domain';
import { Effort, type ModelFacts } from './catalog.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Planning, writing and reviewing get the strongest models of the price class, reviewing another one than writing, which misses other
 * things; checks and notes get a cheaper one. The further names are asked in turn where one is gone, refuses, or is not for this key.
 */
const MODELS: Readonly<Record<Role, readonly string[]>> = {
  plan: ['claude-opus-5-5', 'claude-opus-5'],
  implement: ['claude-opus-5-5', 'claude-opus-5'],
  review: ['claude-opus-5', 'claude-opus-5-5'],
  test: ['claude-sonnet-5-5', 'claude-sonnet-5'],
  deploy: ['claude-haiku-5-5', 'claude-sonnet-5-5'],
};

const EFFORT: Readonly<Record<Role, Effort>> = {
  plan: 'high',
  implement: 'high',
  review: 'high',
  test: 'medium',
  deploy: 'low',
};

/** Tokens of one answer, thinking included: it shares `max_tokens`. An answer that is cut off gets twice as many the next time. */
const ANSWER: Readonly<Record<Role, number>> = {
  plan: 24_000,
  implement: 32_000,
  review: 24_000,
  test: 24_000,
  deploy: 8_000,
};

const given = (name: string, role: Role, env: Env): string =>
  env[`${name}_${role.toUpperCase()}`]?.trim() ?? '';

/** The models of a role, the first first: `MILLWRIGHT_MODEL_<ROLE>` of `env`, names with commas between them, else the default. */
export function modelsOf(role: Role, env: Env): readonly string[] {
  const names = given('MILLWRIGHT_MODEL', role, env)
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length === 0 ? MODELS[role] : names;
}

/** `MILLWRIGHT_EFFORT_<ROLE>`, else the default. Says what is wrong with a level that there is not. */
export function effortOf(
  role: Role,
  env: Env,
): { kind: 'effort'; effort: Effort } | { kind: 'bad'; problem: string } {
  const named = given('MILLWRIGHT_EFFORT', role, env);
  if (named === '') return { kind: 'effort', effort: EFFORT[role] };
  const parsed = Effort.safeParse(named);
  return parsed.success
    ? { kind: 'effort', effort: parsed.data }
    : {
        kind: 'bad',
        problem: `MILLWRIGHT_EFFORT_${role.toUpperCase()}=${named} is no effort; there are ${Effort.options.join(', ')}`,
      };
}

/** The level asked for, else the nearest below that the model takes, else none. */
export function effortFor(facts: ModelFacts, asked: Effort): Effort | null {
  const levels = Effort.options;
  return (
    levels.slice(0, levels.indexOf(asked) + 1).findLast((level) => facts.efforts.includes(level)) ?? null
  );
}

export const answerTokensOf = (role: Role): number => ANSWER[role];
