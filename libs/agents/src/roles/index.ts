import type { Role } from '@millwright/domain';
import { deployRole } from './deploy.ts';
import { implementRole } from './implement.ts';
import { planRole } from './plan.ts';
import { reviewRole } from './review.ts';
import type { RoleDefinition } from './role.ts';
import { testRole } from './test.ts';

export const ROLES: { readonly [R in Role]: RoleDefinition<R> } = {
  plan: planRole,
  implement: implementRole,
  review: reviewRole,
  test: testRole,
  deploy: deployRole,
};
