import type { Entry, HaltAction, HaltScope } from './entries/index.ts';
import type { Actor, Instant, RepoName, RunnerName, UnitName } from './ids.ts';

// *May this go forward?* as the factory's own stream has it. Pure: `evolveHalts` folds the stream, the rest reads the fold.

/** One halt, from when it was asked for until it was lifted (null: it is in force). `reason` is a person's word. */
export type Halt = { scope: HaltScope; by: Actor; reason: string; at: Instant; until: Instant | null };
/** Every halt there ever was, oldest first: what was halted for a while has so much more time. A resume lifts all of its scope. */
export type Halts = readonly Halt[];

/** Something that goes forward: what kind of act it is, of which repository, with which model. Null: not known, or none. */
export type ForwardAct = { action: HaltAction; repo: RepoName | null; model: string | null };
/** The same with the unit that its repository is of now, and who does it where that is a runner. */
export type PlacedAct = ForwardAct & { unit: UnitName | null; runner?: RunnerName | null };

const FACTORY: HaltScope = { kind: 'factory' };

export function evolveHalts(halts: Halts, entry: Entry, { at, actor }: { at: Instant; actor: Actor }): Halts {
  switch (entry.type) {
    case 'factory.halted': {
      const scope = entry.data.scope ?? FACTORY;
      return [...halts, { scope, by: actor, reason: entry.data.reason, at, until: null }];
    }
    case 'factory.resumed': {
      const scope = entry.data.scope ?? FACTORY;
      return halts.map((one) =>
        one.until === null && sameScope(one.scope, scope) ? { ...one, until: at } : one,
      );
    }
    default:
      return halts;
  }
}

/** The halts in force. */
export const inForceHalts = (halts: Halts): Halt[] => halts.filter((one) => one.until === null);

/** The halt that keeps this act from going forward, the first of several; null where none does. */
export const haltOf = (halts: Halts, act: PlacedAct): Halt | null =>
  halts.find((one) => one.until === null && covers(one.scope, act)) ?? null;

export function covers(scope: HaltScope, { action, repo, unit, model, runner }: PlacedAct): boolean {
  switch (scope.kind) {
    case 'factory':
      return true;
    case 'unit':
      return scope.unit === unit;
    case 'repo':
      return scope.repo === repo;
    case 'action':
      return scope.action === action;
    case 'model':
      return scope.model === model;
    case 'runner':
      return scope.runner === runner;
  }
}

export const sameScope = (a: HaltScope, b: HaltScope): boolean => nameOfScope(a) === nameOfScope(b);

/** `the factory`, `unit payments`, `repository shop`, `every merge`, `model x`, `runner y`. */
export function nameOfScope(scope: HaltScope): string {
  switch (scope.kind) {
    case 'factory':
      return 'the factory';
    case 'unit':
      return `unit ${scope.unit}`;
    case 'repo':
      return `repository ${scope.repo}`;
    case 'action':
      return `every ${scope.action}`;
    case 'model':
      return `model ${scope.model}`;
    case 'runner':
      return `runner ${scope.runner}`;
  }
}

/** For how long between two instants an act like this was halted, in milliseconds; halts that overlap count once. */
export function haltedMs(halts: Halts, act: PlacedAct, from: Instant, to: Instant): number {
  const spans = halts
    .filter(({ scope }) => covers(scope, act))
    .map(({ at, until }) => [Math.max(at, from), Math.min(until ?? to, to)] as const)
    .filter(([start, end]) => end > start)
    .sort(([a], [b]) => a - b);
  let [total, reached] = [0, from];
  for (const [start, end] of spans) {
    total += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return total;
}
