import {
  askedOf,
  type Calls,
  callsBy,
  type Given,
  Problem,
  type RouteName,
  type Send,
} from '@millwright/api';
import { nextOf } from './acts.ts';
import type { Connection } from './connection.ts';
import { Fail, failed, messageOf } from './fail.ts';

export type Client = Calls & {
  /** An open response whose body streams; the caller ends it by the signal. */
  stream<N extends RouteName>(
    name: N,
    given: Given<N>,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Response>;
  /** Ends what is still being waited for. */
  close(): void;
  readonly url: string;
};

const ANSWER_MS = 60_000;

/** Read as it comes, so that an answer without end costs no more than its bound. */
async function jsonOf(response: Response, maxBytes: number): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > maxBytes) throw new RangeError(`longer than ${maxBytes} bytes`);
    parts.push(part);
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}

function unreachable(connection: Connection, cause: unknown): Fail {
  const detail =
    cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause);
  return new Fail({
    code: 'unreachable',
    message: `cannot reach the factory at ${connection.url} (from ${connection.from}): ${detail || 'no answer'}`,
    next: 'start one with: npm start    (or name a running one: --url http://host:port, or its data folder: --data DIR)',
    exitCode: 3,
  });
}

/** What a refusal means for the person who asked. The factory's own words where it sent any. */
async function problemOf(response: Response, connection: Connection): Promise<Fail> {
  const text = await response.text();
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const said = Problem.safeParse(body);
  if (said.success) {
    const { code, detail, kept, acts, exitCode } = said.data;
    const next = nextOf(said.data);
    return new Fail({
      ...{ code, message: detail, exitCode, acts },
      ...(kept === undefined ? {} : { kept }),
      ...(next === undefined ? {} : { next }),
    });
  }
  return failed(
    'unexpected_answer',
    `${connection.url} answered ${response.status} ${response.statusText} without a problem document`,
    { next: 'check that the address is a Millwright factory: ./millwright doctor' },
  );
}

/**
 * A client of one factory. Every failure is a `Fail`: 3 when nothing answers, else what the factory said. An answer is waited for `answerMs`
 * and read up to `maxBytes`, which whoever does not trust the factory sets lower.
 */
export function clientOf(
  connection: Connection,
  { answerMs = ANSWER_MS, maxBytes = Number.MAX_SAFE_INTEGER }: { answerMs?: number; maxBytes?: number } = {},
): Client {
  const closed = new AbortController();
  const headers = connection.token === null ? {} : { authorization: `Bearer ${connection.token}` };
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(connection.url + path, { ...init, redirect: 'error' });
    } catch (error) {
      throw unreachable(connection, error);
    }
    if (!response.ok) throw await problemOf(response, connection);
    return response;
  };
  const answer: Send = async ({ method, path, headers: more, body }) => {
    const response = await send(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...{ accept: 'application/json', ...headers, ...more },
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([closed.signal, AbortSignal.timeout(answerMs)]),
    });
    const link = response.headers.get('link');
    try {
      return { body: await jsonOf(response, maxBytes), link };
    } catch (error) {
      throw failed(
        'unexpected_answer',
        `${method} ${path}: the factory's answer is no JSON (${messageOf(error)})`,
        { next: 'check that the address is a Millwright factory: ./millwright doctor' },
      );
    }
  };
  const unfit = (why: string) =>
    failed('unexpected_answer', `the factory's answer is not what this version expects: ${why}`, {
      next: 'use the CLI of the same checkout as the factory',
    });
  return {
    url: connection.url,
    close: () => closed.abort(),
    ...callsBy(answer, unfit),
    stream: (name, given, more, signal) =>
      send(askedOf(name, given as never).path, {
        headers: { accept: 'text/event-stream', ...headers, ...more },
        signal,
      }),
  };
}
