import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Context } from '../context.ts';

/** A fact by the name that policies read it by, without `context.`: `change.risk`. */
export type FactPath = string;

const isRecord = (value: unknown): value is Record<string, CedarValueJson> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every fact with its value, those of records one by one. */
export function factsOf(context: Context, prefix = ''): [FactPath, CedarValueJson][] {
  return Object.entries(context).flatMap(([name, value]): [FactPath, CedarValueJson][] =>
    isRecord(value) ? factsOf(value, `${prefix}${name}.`) : [[prefix + name, value]],
  );
}

export const factAt = (context: Context, path: FactPath): CedarValueJson | undefined =>
  path.split('.').reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), context) as
    | CedarValueJson
    | undefined;

/** The context with another value of one fact. */
export function withFact(context: Context, path: FactPath, value: CedarValueJson): Context {
  const [name = '', ...rest] = path.split('.');
  if (rest.length === 0) return { ...context, [name]: value };
  const inner = context[name];
  return { ...context, [name]: withFact(isRecord(inner) ? inner : {}, rest.join('.'), value) };
}
