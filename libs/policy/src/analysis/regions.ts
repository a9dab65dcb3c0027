import type { CedarValueJson, Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { type GateAction, RiskClass, TicketKind, Verdict } from '@millwright/domain';
import type { Context } from '../context.ts';
import type { Written } from '../read.ts';
import { type FactPath, factAt } from './fact-paths.ts';

// Which values of facts a policy can tell apart. A policy that compares facts with constants, one at a time, answers the same for all values
// between two of its constants: to try one of each is to try all. What compares facts with each other, or computes, is not `exact`.

/** The repository that is asked about, as if it were a fact. */
export const REPOSITORY: FactPath = 'repository';

type Constant = string | number | boolean;
export type Told = { constants: ReadonlyMap<FactPath, ReadonlySet<Constant>>; exact: boolean };

/** The facts that a policy reads, each with the constants it is compared with. */
export function toldApart(json: PolicyJson): Told {
  const constants = new Map<FactPath, Set<Constant>>();
  let exact = json.principal.op === 'All';
  const note = (path: FactPath, found: readonly Constant[]) => {
    const known = constants.get(path) ?? new Set();
    constants.set(path, new Set([...known, ...found]));
  };
  const { resource } = json;
  if (resource.op === '==' && 'entity' in resource) note(REPOSITORY, idsOf(resource.entity));
  else if (resource.op !== 'All') exact = false;
  const compared = (sides: { left: Expr; right: Expr }): boolean => {
    const [left, right] = [pathOf(sides.left), pathOf(sides.right)];
    const [path, values] =
      left === null ? [right, constantsOf(sides.left)] : [left, constantsOf(sides.right)];
    if (path === null || values === null) return false;
    note(path, values);
    return true;
  };
  const walk = (expr: Expr): void => {
    const path = pathOf(expr);
    if (path !== null) note(path, []);
    if (path !== null || 'Value' in expr) return;
    const [operator = '', operand] = Object.entries(expr)[0] ?? [];
    if (COMPARES.has(operator) && compared(operand)) return;
    if (!LOGICAL.has(operator)) exact = false;
    for (const inner of innerOf(operand)) walk(inner);
  };
  for (const { body } of json.conditions) walk(body);
  return { constants, exact };
}

const COMPARES = new Set(['==', '!=', '<', '<=', '>', '>=', 'contains', 'containsAll', 'containsAny']);
const LOGICAL = new Set(['!', '&&', '||', 'if-then-else', 'isEmpty']);

/** The expressions within an operand, whatever its form. */
function innerOf(operand: unknown): Expr[] {
  if (Array.isArray(operand)) return operand.flatMap(innerOf);
  if (typeof operand !== 'object' || operand === null) return [];
  return isExpr(operand) ? [operand] : Object.values(operand).flatMap(innerOf);
}
/** `{ operator: operands }`; `{ arg: … }` is the operand of one. */
const isExpr = (value: object): value is Expr => {
  const [only, ...more] = Object.keys(value);
  return only !== undefined && more.length === 0 && only !== 'arg';
};

/** `context.change.risk` as `change.risk`; null where it is no fact. */
function pathOf(expr: Expr): FactPath | null {
  if ('Var' in expr) return expr.Var === 'resource' ? REPOSITORY : null;
  if (!('.' in expr)) return null;
  const { left, attr } = expr['.'] as { left: Expr; attr: string };
  if ('Var' in left) return left.Var === 'context' ? attr : null;
  const before = pathOf(left);
  return before === null ? null : `${before}.${attr}`;
}

/** The constants of a literal or of a set of literals; null where it is neither. */
function constantsOf(expr: Expr): Constant[] | null {
  if ('Value' in expr) return constantsIn(expr.Value as CedarValueJson);
  if ('neg' in expr) {
    const [value] = constantsOf((expr.neg as { arg: Expr }).arg) ?? [];
    return typeof value === 'number' ? [-value] : null;
  }
  if (!('Set' in expr)) return null;
  const parts = (expr.Set as Expr[]).map(constantsOf);
  return parts.includes(null) ? null : parts.flatMap((part) => part ?? []);
}

function constantsIn(value: CedarValueJson): Constant[] | null {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return [value];
  if (Array.isArray(value)) {
    const parts = value.map(constantsIn);
    return parts.includes(null) ? null : parts.flatMap((part) => part ?? []);
  }
  return typeof value === 'object' && value !== null && '__entity' in value ? idsOf(value) : null;
}

const idsOf = (entity: unknown): string[] => {
  const at = entity as { id?: string; __entity?: { id: string } };
  return [at.__entity?.id ?? at.id ?? ''];
};

/** Words that a fact can be; any other one cannot be. */
const WORDS: Readonly<Record<FactPath, readonly string[]>> = {
  'change.risk': RiskClass.options,
  'ticket.kind': TicketKind.options,
  testVerdict: [...Verdict.options, 'none'],
  reviewVerdict: ['approve', 'request_changes', 'skipped', 'none'],
};
/** The least and the most that a number can be; counts where it is not named. */
const BOUNDS: Readonly<Record<FactPath, readonly [number, number]>> = {
  step: [0, 7],
  approvals: [0, 100],
  budgetLeftCents: [-1e12, 1e12],
};
const COUNT = [0, Number.MAX_SAFE_INTEGER] as const;
/** Stands for every text that no policy names. */
const OTHER = 'another';
/** Of so many elements of a set all subsets are tried; of more, none, each and all. */
const SUBSETS = 4;

/** One value of each region into which the constants divide a fact. `like`: a value of the fact, for its type. */
function valuesOf(path: FactPath, like: CedarValueJson, constants: ReadonlySet<Constant>): CedarValueJson[] {
  if (typeof like === 'boolean') return [false, true];
  if (typeof like === 'number') {
    const [least, most] = BOUNDS[path] ?? COUNT;
    const near = [...constants].flatMap((one) => (typeof one === 'number' ? [one - 1, one, one + 1] : []));
    const within = [least, ...near].filter((one) => one >= least && one <= most);
    return [...new Set(within)].sort((a, b) => a - b);
  }
  const named = [...constants].filter((one) => typeof one === 'string');
  if (!Array.isArray(like)) return [...(WORDS[path] ?? [...new Set([...named, OTHER])])];
  const elements = [...named, OTHER];
  if (elements.length > SUBSETS) return [[], ...elements.map((one) => [one]), elements];
  return subsetsOf(elements);
}

const subsetsOf = ([first, ...rest]: readonly string[]): string[][] =>
  first === undefined ? [[]] : subsetsOf(rest).flatMap((set) => [set, [first, ...set]]);

/** The actions that a policy is about. */
export function actionsOf({ action }: PolicyJson): GateAction[] {
  const all: GateAction[] = ['start', 'merge', 'deploy'];
  if (action.op === 'All') return all;
  const entities = 'entities' in action ? action.entities : 'entity' in action ? [action.entity] : [];
  const named = entities.flatMap(idsOf);
  return all.filter((one) => named.includes(one));
}

/** The facts that these policies tell apart in an action, each with its values. */
export function regionsOf(
  statements: readonly Pick<Written, 'json'>[],
  ordinary: Context,
): { values: Map<FactPath, CedarValueJson[]>; exact: boolean } {
  const told = statements.map(({ json }) => toldApart(json));
  const constants = new Map<FactPath, Set<Constant>>();
  for (const one of told)
    for (const [path, found] of one.constants)
      constants.set(path, new Set([...(constants.get(path) ?? []), ...found]));
  const values = new Map<FactPath, CedarValueJson[]>();
  for (const [path, found] of constants) {
    const like = path === REPOSITORY ? OTHER : factAt(ordinary, path);
    if (like !== undefined) values.set(path, valuesOf(path, like, found));
  }
  return { values, exact: told.every(({ exact }) => exact) };
}

/** Every combination of one value a fact, the first fact's first; `count` of them. */
export function combinations(values: ReadonlyMap<FactPath, readonly CedarValueJson[]>) {
  const facts = [...values];
  const count = facts.reduce((product, [, some]) => product * some.length, 1);
  function* each(at = 0): Generator<[FactPath, CedarValueJson][]> {
    const fact = facts[at];
    if (fact === undefined) return yield [];
    for (const value of fact[1]) for (const rest of each(at + 1)) yield [[fact[0], value], ...rest];
  }
  return { count, each: () => each() };
}
