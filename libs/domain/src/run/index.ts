export { apply, decide, mayDispute, type RunEntry } from './decide.ts';
export { evolve, replay } from './evolve.ts';
export { type NextActor, nextActor, nextActorOfTicket } from './next-actor.ts';
export * from './provenance.ts';
export {
  allowedBefore,
  branchUnder,
  lineUp,
  type Queued,
  turnOf,
} from './queue.ts';

export * from './state.ts';
export { type Todo, todo } from './todo.ts';
