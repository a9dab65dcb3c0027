import type { Role } from '@millwright/domain';

/** Planning, writing and reviewing get the strongest model of the price class; checks and notes a cheaper one. */
const DEFAULTS: Readonly<Record<Role, string>> = {
  plan: 'claude-opus-5-5',
  implement: 'claude-opus-5-5',
  review: 'claude-opus-5-5',
  test: 'claude-sonnet-5-5',
  deploy: 'claude-haiku-5-5',
};

/** The model of a role: `MILLWRIGHT_MODEL_<ROLE>` of `env`, else the default. */
export function modelOf(role: Role, env: Readonly<Record<string, string | undefined>>): string {
  const named = env[`MILLWRIGHT_MODEL_${role.toUpperCase()}`];
  return named === undefined || named === '' ? DEFAULTS[role] : named;
}
