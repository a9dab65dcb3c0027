export { type Advice, adviceElsewhere, isConvention, nearestAdvice, type Skill, skillsIn } from './advice.ts';
export { Breaker } from './model/breaker.ts';
export {
  BUILT_IN,
  catalogWith,
  factsOfModel,
  unknownModel,
} from './model/catalog.ts';
export { effortOf, modelsOf } from './model/choice.ts';
export { AnthropicClient, type ModelClient } from './model/client.ts';
export { type Endpoint, endpointOf } from './model/endpoint.ts';
export { DEFAULT_RETRY, type RetryPolicy } from './model/retry.ts';
export type { RoleResult } from './options.ts';
export { fileList, hitList, MOST_HITS, pairPattern, type TicketWord, ticketWords } from './repository-map.ts';
export type { Materials, Submissions } from './roles/role.ts';
export { runRole } from './run-role.ts';
export { action } from './tools/bound.ts';
