export { apply, type Command, type Decision, decide, type RunEntry } from './decide.ts';
export { evolve, replay } from './evolve.ts';
export { type NextActor, nextActor } from './next-actor.ts';
export * from './provenance.ts';
export {
  allowedBefore,
  branchUnder,
  inQueue,
  lineUp,
  type Queued,
  type Runs,
  type Standing,
  TRAIN,
  turnOf,
} from './queue.ts';
export { notResumable } from './resume.ts';
export * from './state.ts';
export { type Todo, todo } from './todo.ts';
