export { apply, type Command, type Decision, decide, type RunEntry } from './decide.ts';
export { evolve, replay } from './evolve.ts';
export * from './provenance.ts';
export * from './state.ts';
export { type Todo, todo } from './todo.ts';
