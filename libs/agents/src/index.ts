export { type Advice, isConvention, nearestAdvice, type Skill, skillsIn } from './advice.ts';
export { Breaker } from './model/breaker.ts';
export {
  BUILT_IN,
  Catalog,
  catalogWith,
  type Effort,
  factsOfModel,
  ModelFacts,
  nearestName,
  unknownModel,
} from './model/catalog.ts';
export { effortOf, modelsOf } from './model/choice.ts';
export { AnthropicClient, type ModelClient, type ModelClientOptions } from './model/client.ts';
export { costOf, type Price, priceOf } from './model/prices.ts';
export { DEFAULT_RETRY, type RetryPolicy } from './model/retry.ts';
export type { RoleResult, RunRoleOptions, Settings } from './options.ts';
export type { Materials, Submissions } from './roles/role.ts';
export { CHECKS_FOLDER } from './roles/test.ts';
export { runRole } from './run-role.ts';
export type { StuckLimits } from './stuck.ts';
