export {
  candidates,
  fenceFor,
  flipsOf,
  leaves,
  leftBehind,
  leftOf,
  movedLast,
  previousGood,
} from './choose.ts';
export { evolveTarget } from './evolve.ts';
export { noTarget, type Served, type TargetState, type UndoAsked } from './state.ts';
