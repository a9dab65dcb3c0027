import type { z } from 'zod';
import { BASE, ROUTES, type Route, type RouteName, type RouteOf } from './routes.ts';

type In<S> = S extends z.ZodType ? z.input<S> : never;
type Field<R, From extends string, To extends string> =
  R extends Readonly<Record<From, infer S>>
    ? Record<never, never> extends In<S>
      ? { [K in To]?: In<S> }
      : { [K in To]: In<S> }
    : unknown;

/** What a call of this route is given. */
export type Given<N extends RouteName> = Field<RouteOf<N>, 'params', 'params'> &
  Field<RouteOf<N>, 'query', 'query'> &
  Field<RouteOf<N>, 'headers', 'headers'> &
  Field<RouteOf<N>, 'body', 'body'>;
export type AnswerOf<N extends RouteName> = RouteOf<N>['response'] extends z.ZodType
  ? z.output<RouteOf<N>['response']>
  : null;

/** An answer twice: as it came, so that nothing the factory says is lost, and parsed. `next`: the cursor of a list's next part. */
export type Answered<T> = { raw: unknown; value: T; next: string | null };

export type Asked = {
  method: 'GET' | 'POST';
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  body?: unknown;
};
/** What came back; what is refused, or does not arrive, it throws. */
type Came = { body: unknown; link: string | null };
export type Send = (asked: Asked) => Promise<Came>;

type Args<N extends RouteName> =
  Record<never, never> extends Given<N> ? [given?: Given<N>] : [given: Given<N>];

type AnyGiven = {
  params?: Record<string, unknown>;
  query?: Record<string, unknown>;
  headers?: Record<string, string>;
  body?: unknown;
};

/** The request of a call. */
export function askedOf<N extends RouteName>(name: N, ...[given]: Args<N>): Asked {
  const { method, path, body: takes }: Route = ROUTES[name];
  const { params = {}, query = {}, headers = {}, body } = (given ?? {}) as AnyGiven;
  const filled = path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(String(params[key])));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) search.append(key, String(one));
  const asked = { method, path: `${BASE}${filled}${search.size > 0 ? `?${search}` : ''}` };
  const said = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
  return { ...asked, headers: said, ...(takes === undefined ? {} : { body: body ?? {} }) };
}

/** The cursor that a `Link` header names as the next part; null on the last. */
function cursorIn(link: string | null): string | null {
  const next = /<([^>]*)>\s*;\s*rel="next"/.exec(link ?? '')?.[1];
  return next === undefined ? null : new URL(next, 'http://factory').searchParams.get('cursor');
}

/**
 * Calls of the factory by the name of their route, typed and checked by the route table; `send` is how they get there, `unfit` what is thrown
 * where an answer is not what the table says.
 */
export function callsBy(send: Send, unfit: (why: string) => Error) {
  const call = async <N extends RouteName>(name: N, ...args: Args<N>): Promise<Answered<AnswerOf<N>>> => {
    const asked = askedOf(name, ...args);
    const { body: raw, link } = await send(asked);
    const { response }: Route = ROUTES[name];
    if (response === null) return { raw, value: null as AnswerOf<N>, next: null };
    const parsed = response.safeParse(raw);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw unfit(
        `${asked.method} ${asked.path}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it does not fit'}`,
      );
    }
    return { raw, value: parsed.data as AnswerOf<N>, next: cursorIn(link) };
  };
  /** All parts of a list, put together. */
  const all = async <N extends ListName>(name: N, given: Given<N>): Promise<Answered<AnswerOf<N>>> => {
    const [raw, value]: [unknown[], unknown[]] = [[], []];
    for (let cursor: string | null = null; ; ) {
      const query = { ...(given as AnyGiven).query, ...(cursor === null ? {} : { cursor }) };
      const part: Answered<unknown[]> = await (call as unknown as AnyCall)(name, { ...given, query });
      raw.push(...(part.raw as unknown[]));
      value.push(...part.value);
      cursor = part.next;
      if (cursor === null) return { raw, value: value as AnswerOf<N>, next: null };
    }
  };
  return { call, all };
}
type AnyCall = (name: RouteName, given: unknown) => Promise<Answered<unknown[]>>;
/** Lists that come in parts. */
export type ListName = {
  [N in RouteName]: RouteOf<N> extends { query: z.ZodType<{ limit: number; cursor?: string | undefined }> }
    ? N
    : never;
}[RouteName];

export type Calls = ReturnType<typeof callsBy>;
