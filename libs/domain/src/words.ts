import { z } from 'zod';
import { maskSecrets } from './secrets.ts';

// Free text: what people and programs said, which nothing decides on. A schema says which of its strings are free text, once; from that
// follow what is masked before it is stored (here and in json.ts), and what of the trail can be redacted (libs/audit, words apart).
//
// Invariant: `evolve` and `decide` carry free text, and never look into it.

/** What is done to one text; `at` is where it is, as a JSON pointer (RFC 6901; no key here needs an escape). */
type Change = (text: string, at: string) => string;
type Mapper = (value: unknown, at: string, change: Change) => unknown;

const free = new WeakSet<z.ZodType>();
const mappers = new WeakMap<z.ZodType, { map: Mapper | null }>();

/** Marks a string's schema as free text. The mark is on this very object: refine first, mark last. */
export function freeText<S extends z.ZodString>(schema: S): S {
  free.add(schema);
  return schema;
}

/** What finds the free text of a schema's values; null where there is none. Records hold none. */
function mapperOf(schema: z.ZodType): Mapper | null {
  const known = mappers.get(schema);
  if (known !== undefined) return known.map;
  const map = made(schema);
  mappers.set(schema, { map });
  return map;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

function made(schema: z.ZodType): Mapper | null {
  if (free.has(schema)) return (value, at, change) => (typeof value === 'string' ? change(value, at) : value);
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return mapperOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodArray) {
    const item = mapperOf(schema.element as z.ZodType);
    return (
      item &&
      ((value, at, change) =>
        Array.isArray(value) ? value.map((one, i) => item(one, `${at}/${i}`, change)) : value)
    );
  }
  if (schema instanceof z.ZodObject) return mapperOfObject(schema);
  if (schema instanceof z.ZodDiscriminatedUnion) return mapperOfUnion(schema);
  return null;
}

function mapperOfObject(schema: z.ZodObject): Mapper | null {
  const inner = Object.entries(schema.shape).flatMap(([key, one]) => {
    const map = mapperOf(one as z.ZodType);
    return map === null ? [] : [{ key, map }];
  });
  if (inner.length === 0) return null;
  return (value, at, change) => {
    if (!isObject(value)) return value;
    const copy = { ...value };
    for (const { key, map } of inner)
      if (Object.hasOwn(value, key)) copy[key] = map(value[key], `${at}/${key}`, change);
    return copy;
  };
}

function mapperOfUnion(schema: z.ZodDiscriminatedUnion): Mapper | null {
  const { discriminator } = schema.def;
  const byTag = new Map<unknown, Mapper>();
  for (const option of schema.options) {
    const map = mapperOf(option as z.ZodType);
    const tag = (option as z.ZodObject).shape[discriminator];
    if (map !== null && tag instanceof z.ZodLiteral) for (const one of tag.values) byTag.set(one, map);
  }
  if (byTag.size === 0) return null;
  return (value, at, change) =>
    isObject(value) ? (byTag.get(value[discriminator])?.(value, at, change) ?? value) : value;
}

/** The value with `change` done to all its free text. */
export const mapFreeText = <T>(schema: z.ZodType, value: T, change: Change): T =>
  (mapperOf(schema)?.(value, '', change) ?? value) as T;

/** The value with the secrets in its free text masked. */
export const maskFreeText = <T>(schema: z.ZodType, value: T): T => mapFreeText(schema, value, maskSecrets);

/** What stands for free text that was erased. */
export const REDACTED = '[redacted]';

/** A value without its free text: that is in `words`, one a place, in the order of `at` (JSON pointers). */
export type Apart<T> = { rest: T; at: string[]; words: string[] };

export function takeApart<T>(schema: z.ZodType, value: T): Apart<T> {
  const at: string[] = [];
  const words: string[] = [];
  const rest = mapFreeText(schema, value, (text, pointer) => {
    if (text === '') return text;
    at.push(pointer);
    words.push(text);
    return '';
  });
  return { rest, at, words };
}

/** The value whole again; without `words` they read as redacted. A place that is not there stays so. */
export const putTogether = (rest: unknown, at: readonly string[], words: readonly string[] | null): unknown =>
  at.reduce((value, pointer, i) => put(value, pointer.split('/').slice(1), words?.[i] ?? REDACTED), rest);

function put(value: unknown, [key, ...rest]: string[], word: string): unknown {
  if (key === undefined) return word;
  if (Array.isArray(value)) return value.map((one, i) => (String(i) === key ? put(one, rest, word) : one));
  return isObject(value) && Object.hasOwn(value, key)
    ? { ...value, [key]: put(value[key], rest, word) }
    : value;
}
