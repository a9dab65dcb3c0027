import { APIConnectionError, APIError } from '@anthropic-ai/sdk/error';
import type { Site } from './endpoint.ts';

/**
 * Why a call gave no answer. `spent` is what is known of its cost: `nothing` (refused before any work) or `unknown` (the connection
 * broke when work may have been done: settled at the worst case).
 */
export type CallFailure =
  | { kind: 'rate_limited'; retryAfterMs: number | null; spent: 'nothing'; detail: string }
  | {
      kind: 'overloaded' | 'server' | 'connection' | 'cut' | 'stalled';
      spent: 'nothing' | 'unknown';
      retryAfterMs: number | null;
      detail: string;
    }
  | {
      /**
       * `model`: it is not there, or not for this key. `too_long`: the request has more tokens or bytes than the model or the API takes.
       * `binding`: thinking is sent back before which something has changed, or a summary that the API does not know as its own. `endpoint`: what answers is not the Messages API.
       */
      kind: 'auth' | 'billing' | 'model' | 'too_long' | 'binding' | 'endpoint' | 'request';
      spent: 'nothing' | 'unknown';
      detail: string;
    }
  | { kind: 'cancelled'; spent: 'unknown'; detail: string };

const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** `began` is true once the answer's first byte was there. */
export type FailureContext = { began: boolean; signal: AbortSignal; stalled: boolean; site: Site };

/** What the AWS and Google clients say where there are no credentials, or none that hold; everything else of theirs may pass. */
const NO_CREDENTIALS =
  /could not load (?:the default )?credentials|invalid_grant|expired|ENOENT|no such file|not a valid|profile/i;

/** Sorts whatever the SDK threw. */
export function failureOf(error: unknown, context: FailureContext): CallFailure {
  const { site } = context;
  const spent = context.began ? 'unknown' : 'nothing';
  const say = messageOf(error);
  if (context.stalled)
    return {
      kind: 'stalled',
      spent: 'unknown',
      retryAfterMs: null,
      detail: `the model at ${site.where} went silent`,
    };
  if (context.signal.aborted)
    return { kind: 'cancelled', spent: 'unknown', detail: messageOf(context.signal.reason) };
  if (error instanceof APIConnectionError && /credentials/.test(error.message)) {
    const why = innermost(error);
    const detail = `nobody was asked: ${why}. Check ${site.key}`;
    return NO_CREDENTIALS.test(why)
      ? { kind: 'auth', spent: 'nothing', detail }
      : { kind: 'connection', spent: 'nothing', retryAfterMs: null, detail };
  }
  if (error instanceof APIConnectionError)
    return {
      kind: 'connection',
      spent: NEVER_CONNECTED.has(causeCode(error)) ? 'nothing' : 'unknown',
      retryAfterMs: null,
      detail: `cannot reach the model at ${site.where} (${causeCode(error) || innermost(error)}); check ${site.address} and the network`,
    };
  if (!(error instanceof APIError))
    return { kind: 'cut', spent: 'unknown', retryAfterMs: null, detail: `the answer broke off: ${say}` };
  return ofApiError(error, spent, site);
}

/**
 * What an error says of itself: every error of the Messages API has a type in its body, an AWS one beside it, a Google one a status. A type of null:
 * whoever answers is none of them. Sources: https://platform.claude.com/docs/en/api/errors ("Error shapes"); https://google.aip.dev/193.
 */
function saidBy(error: APIError, { kind }: Site): { type: string | null; message: string } {
  if (error.type !== null) return { type: error.type, message: error.apiMessage ?? error.message };
  const whole: unknown = error.error;
  const body = (Array.isArray(whole) ? whole[0] : whole) as Record<string, unknown> | undefined;
  if (kind === 'bedrock' && typeof body?.message === 'string')
    return {
      type: error.headers?.get('x-amzn-errortype')?.split(':')[0] ?? 'AWS error',
      message: body.message,
    };
  const google = body?.error as Record<string, unknown> | undefined;
  if (kind === 'vertex' && typeof google?.status === 'string')
    return { type: google.status, message: String(google.message) };
  return { type: null, message: error.apiMessage ?? error.message };
}

function ofApiError(error: APIError, spent: 'nothing' | 'unknown', site: Site): CallFailure {
  const { type, message } = saidBy(error, site);
  const status: number = error.status ?? statusOfType(type ?? '');
  if (status === 404 && type === null) return notTheApi(site, 'it has no such path (404)');
  const detail = `${type ?? 'error'} ${error.status ?? 'in the stream'} from ${site.where}: ${bounded(message)}`;
  const retryAfterMs = retryAfterOf(error.headers);
  if (status === 413 || (status === 400 && TOO_LONG.test(message)))
    return { kind: 'too_long', spent: 'nothing', detail };
  if (status === 400 && (BINDING.test(message) || /^compaction_/.test(error.errorCode ?? '')))
    return { kind: 'binding', spent: 'nothing', detail };
  if (
    status === 402 ||
    /spend_limit|on_hold/.test(error.errorCode ?? '') ||
    ((status === 400 || status === 403) && NO_CREDIT.test(message))
  )
    return {
      kind: 'billing',
      spent: 'nothing',
      detail: `${detail}. Add credit or raise the limit, then retry the run`,
    };
  if (status === 403 && /model/i.test(message))
    return { kind: 'model', spent: 'nothing', detail: `${detail}. The key has no access to this model` };
  if (status === 401 || status === 403)
    return { kind: 'auth', spent: 'nothing', detail: `${detail}. Check ${site.key} and ${site.address}` };
  if (status === 404 || (status === 400 && /model identifier is invalid/i.test(message)))
    return {
      kind: 'model',
      spent: 'nothing',
      detail: `${detail}. Check the model's name (MILLWRIGHT_MODEL_<ROLE>) and ${site.address}`,
    };
  if (status === 429) return { kind: 'rate_limited', spent: 'nothing', retryAfterMs, detail };
  if (status === 529) return { kind: 'overloaded', spent, retryAfterMs, detail };
  if (status >= 500 || status === 408 || status === 409)
    return { kind: 'server', spent, retryAfterMs, detail };
  return { kind: 'request', spent, detail };
}

/** Sources: …/docs/en/build-with-claude/context-windows and …/docs/en/api/errors; the second is what older models say. */
const TOO_LONG = /prompt is too long|exceeds? (?:the )?context limit|input length and `max_tokens` exceed/i;
/** Source: …/docs/en/build-with-claude/preserved-thinking/fix-bound-to-a-different-conversation */
const BINDING =
  /bound to a different conversation|Invalid `signature` in `thinking`|`thinking` .*cannot be modified/i;
/** A spend limit that was set, or credit that is used up, is a 400. Source: …/docs/en/api/errors. Google: billing that is off is a 403. */
const NO_CREDIT = /credit balance is too low|spend limit|usage limits?|billing/i;

/** Whether this is what the Messages API says where it takes a request for no request of its own. */
export const isApiError = (error: unknown): boolean =>
  error instanceof APIError && error.type === 'invalid_request_error';

export const notTheApi = ({ where, address }: Site, why: string): CallFailure => ({
  kind: 'endpoint',
  spent: 'nothing',
  detail: `what answers at ${where} is not the Messages API: ${why}. Check ${address}`,
});

/** An error event after HTTP 200 has a type but no status. */
function statusOfType(type: string): number {
  const known: Record<string, number> = {
    invalid_request_error: 400,
    authentication_error: 401,
    billing_error: 402,
    permission_error: 403,
    not_found_error: 404,
    request_too_large: 413,
    rate_limit_error: 429,
    overloaded_error: 529,
  };
  return Object.hasOwn(known, type) ? (known[type] ?? 500) : 500;
}

/** `retry-after` in seconds or as a date (RFC 9110 §10.2.3), as milliseconds from now. */
export function retryAfterOf(headers: Headers | undefined, now: number = Date.now()): number | null {
  const value = headers?.get('retry-after');
  if (value === null || value === undefined || value.trim() === '') return null;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds * 1_000));
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

const bounded = (text: string): string => (text.length > 500 ? `${text.slice(0, 500)}…` : text);
const messageOf = (error: unknown): string => bounded(error instanceof Error ? error.message : String(error));

/** The SDK says "Connection error."; what was wrong is in the innermost cause. */
function innermost(error: Error): string {
  let at = error;
  for (let depth = 0; depth < 5 && at.cause instanceof Error; depth += 1) at = at.cause;
  return bounded(at.message);
}

function causeCode(error: unknown): string {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && at instanceof Error; depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    at = at.cause;
  }
  return '';
}
