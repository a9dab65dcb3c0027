import { APIConnectionError, APIError } from '@anthropic-ai/sdk/error';

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
       * `binding`: thinking is sent back before which something has changed. `endpoint`: what answers is not the Messages API.
       */
      kind: 'auth' | 'billing' | 'model' | 'too_long' | 'binding' | 'endpoint' | 'request';
      spent: 'nothing' | 'unknown';
      detail: string;
    }
  | { kind: 'cancelled'; spent: 'unknown'; detail: string };

const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Sorts whatever the SDK threw. `began` is true once the answer's first byte was there; `where` names the base URL, never the key. */
export function failureOf(
  error: unknown,
  context: { began: boolean; signal: AbortSignal; stalled: boolean; where: string },
): CallFailure {
  const spent = context.began ? 'unknown' : 'nothing';
  const say = messageOf(error);
  if (context.stalled)
    return {
      kind: 'stalled',
      spent: 'unknown',
      retryAfterMs: null,
      detail: `the model at ${context.where} went silent`,
    };
  if (context.signal.aborted)
    return { kind: 'cancelled', spent: 'unknown', detail: messageOf(context.signal.reason) };
  if (error instanceof APIConnectionError)
    return {
      kind: 'connection',
      spent: NEVER_CONNECTED.has(causeCode(error)) ? 'nothing' : 'unknown',
      retryAfterMs: null,
      detail: `cannot reach the model at ${context.where} (${causeCode(error) || innermost(error)}); check ANTHROPIC_BASE_URL and the network`,
    };
  if (!(error instanceof APIError))
    return { kind: 'cut', spent: 'unknown', retryAfterMs: null, detail: `the answer broke off: ${say}` };
  return ofApiError(error, spent, context.where);
}

function ofApiError(error: APIError, spent: 'nothing' | 'unknown', where: string): CallFailure {
  const status: number = error.status ?? statusOfType(error.type ?? '');
  const message = error.apiMessage ?? error.message;
  // Every error of the API has a type in its body. Source: https://platform.claude.com/docs/en/api/errors ("Error shapes")
  if (status === 404 && !error.type) return notTheApi(where, 'it has no such path (404)');
  const detail = `${error.type ?? 'error'} ${error.status ?? 'in the stream'} from ${where}: ${bounded(message)}`;
  const retryAfterMs = retryAfterOf(error.headers);
  if (status === 413 || (status === 400 && TOO_LONG.test(message)))
    return { kind: 'too_long', spent: 'nothing', detail };
  if (status === 400 && BINDING.test(message)) return { kind: 'binding', spent: 'nothing', detail };
  if (status === 403 && /model/i.test(message))
    return { kind: 'model', spent: 'nothing', detail: `${detail}. The key has no access to this model` };
  if (/spend_limit|on_hold/.test(error.errorCode ?? '') || (status === 400 && NO_CREDIT.test(message)))
    return { kind: 'billing', spent: 'nothing', detail };
  if (status === 401 || status === 403)
    return {
      kind: 'auth',
      spent: 'nothing',
      detail: `${detail}. Check ANTHROPIC_API_KEY (is it set, is it for this endpoint?) and ANTHROPIC_BASE_URL`,
    };
  if (status === 402) return { kind: 'billing', spent: 'nothing', detail };
  if (status === 404)
    return {
      kind: 'model',
      spent: 'nothing',
      detail: `${detail}. Check the model's name (MILLWRIGHT_MODEL_<ROLE>) and ANTHROPIC_BASE_URL`,
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
/** A spend limit that was set, or credit that is used up, is a 400. Source: …/docs/en/api/errors */
const NO_CREDIT = /credit balance is too low|spend limit|usage limits?/i;

export const notTheApi = (where: string, why: string): CallFailure => ({
  kind: 'endpoint',
  spent: 'nothing',
  detail: `what answers at ${where} is not the Messages API: ${why}. Check ANTHROPIC_BASE_URL`,
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
