export { type CanaryState, evolveCanaries } from './canary.ts';
export { targetDecider } from './decide.ts';
export { evolveTarget, freezesOf } from './evolve.ts';
export {
  candidates,
  fenceFor,
  leaves,
  leftBehind,
  leftOf,
  movedLast,
  previousGood,
  switchCount as flipsOf,
} from './rollback-candidates.ts';
export { type Canary, type Freeze, noTarget, type TargetState } from './state.ts';
