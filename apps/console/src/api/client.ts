import {
  type AnswerOf,
  type Asked,
  askedOf,
  callsBy,
  type Given,
  Problem,
  type RouteName,
} from '@millwright/api';
import { lapse, tokenNow } from './session.ts';
import { allVisible } from './visible.ts';

/**
 * Why there is no answer. `refused`: the factory said no, and `problem` says why and what to do. `away`: nothing answers. `unfit`: it answers as
 * another version does.
 */
export class Failed extends Error {
  readonly kind: 'refused' | 'away' | 'unfit';
  readonly problem: Problem | null;

  constructor(kind: Failed['kind'], message: string, problem: Problem | null = null) {
    super(message);
    this.kind = kind;
    this.problem = problem;
  }
}

const ANSWER_MS = 60_000;

async function refusal(response: Response, token: string | null): Promise<Failed> {
  if (response.status === 401) lapse(token);
  const body: unknown = await response.json().catch(() => null);
  const said = Problem.safeParse(body);
  if (said.success) return new Failed('refused', said.data.detail, allVisible(said.data));
  return new Failed('unfit', `The factory's address answered ${response.status}, and not as a factory does.`);
}

/** Asks as `token`, or as who has signed in. Throws `Failed`. */
async function send(path: string, init: RequestInit, token = tokenNow()): Promise<Response> {
  const headers = { ...init.headers, ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
  let response: Response;
  try {
    response = await fetch(path, {
      ...{ redirect: 'error', credentials: 'omit', cache: 'no-store' },
      ...init,
      headers,
    });
  } catch (error) {
    if (init.signal?.aborted && (init.signal.reason as Error)?.name !== 'TimeoutError') throw error;
    throw new Failed('away', 'The factory does not answer.');
  }
  if (!response.ok) throw await refusal(response, token);
  return response;
}

const unfit = (why: string) =>
  new Failed(
    'unfit',
    `The factory answers as another version does (${why}). Load this page again; if that does not help, update it.`,
  );

const callsAs = (token: () => string | null) =>
  callsBy(async ({ method, path, headers, body }) => {
    const init = {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...{ accept: 'application/json', ...headers },
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    };
    const response = await send(path, init, token());
    const answer: unknown = await response.json().catch(() => {
      throw unfit('no JSON');
    });
    return { body: answer, link: response.headers.get('link') };
  }, unfit);

const calls = callsAs(tokenNow);

type Call = (name: RouteName, given: unknown) => Promise<{ value: unknown; next: string | null }>;
export type Page<N extends RouteName> = { value: AnswerOf<N>; next: string | null };

/** An answer with its texts as people may see them. */
export async function call<N extends RouteName>(name: N, given?: Given<N>): Promise<Page<N>> {
  const { value, next } = await (calls.call as Call)(name, given);
  return { value: allVisible(value) as AnswerOf<N>, next };
}

/** An answer as it came: what is checked byte for byte. */
export const exact = async <N extends RouteName>(name: N, given?: Given<N>): Promise<AnswerOf<N>> =>
  (await (calls.call as Call)(name, given)).value as AnswerOf<N>;

/** Who a token is of. Throws `Failed` where it is nobody's. */
export const whose = async (token: string): Promise<AnswerOf<'whoAmI'>> =>
  allVisible((await callsAs(() => token).call('whoAmI')).value);

/** An answer that streams; ended by the signal. */
export const stream = <N extends RouteName>(
  name: N,
  given: Given<N>,
  signal: AbortSignal,
): Promise<Response> => {
  const { path, headers } = (askedOf as (name: RouteName, given: unknown) => Asked)(name, given);
  return send(path, { headers: { ...headers, accept: 'text/event-stream' }, signal });
};
