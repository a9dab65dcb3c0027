import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, answerOf, approxTokens } from './answer.ts';
import { choose } from './choose.ts';
import { type ApiFault, apiFault, errorBody, typeOfStatus } from './errors.ts';
import { type RequestLine, RequestLog } from './request-log.ts';
import type { Conversation, Fault } from './script.ts';
import { errorEvent, events, plainMessage } from './sse.ts';
import { checkBody, checkHeaders, countBreakpoints } from './validate.ts';
import { roleOf, textOf, turnOf, type WireRequest } from './wire.ts';

export type DeskOptions = {
  conversations: readonly Conversation[];
  /** The only key that is let in; null lets any in. */
  key?: string | null;
  /** The models there are, besides `recorded/…` and `claude-…`. */
  knows?: (model: string) => boolean;
  /** File that gets each request as a line of JSON. */
  logFile?: string | null;
  now?: () => number;
};

const known = (model: string): boolean => /^(recorded\/|claude-)[a-z0-9._-]+$/.test(model);

/** Answers requests from scripts. Its only state is how often each fault has happened. */
export class ApiDesk {
  readonly log: RequestLog;
  readonly #options: DeskOptions;
  readonly #faults = new Map<string, number>();
  #requests = 0;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.log = new RequestLog(options.logFile ?? null);
  }

  async countTokens(headers: IncomingHttpHeaders, body: Buffer, response: ServerResponse): Promise<void> {
    const fault = checkHeaders(headers, this.#options.key ?? null);
    if (fault !== null) return refuse(response, fault, this.#id());
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ input_tokens: approxTokens(body.byteLength) }));
  }

  async messages(headers: IncomingHttpHeaders, body: Buffer, response: ServerResponse): Promise<void> {
    const id = this.#id();
    const headerFault = checkHeaders(headers, this.#options.key ?? null);
    const knows = this.#options.knows ?? (() => false);
    const parsed = headerFault === null ? parse(body) : null;
    const checked =
      parsed === null
        ? ({ kind: 'invalid', fault: headerFault ?? NOT_JSON } as const)
        : checkBody(parsed, (model) => known(model) || knows(model), String(headers['anthropic-version']));
    if (checked.kind === 'invalid') {
      this.log.add({
        ...this.#line(null, body),
        status: checked.fault.status,
        message: checked.fault.message,
      });
      return refuse(response, checked.fault, id);
    }
    const { request } = checked;
    const line = this.#line(request, body);
    const found = this.#answer(request, line.conversation);
    if (found.kind === 'refused') {
      this.log.add({ ...line, status: found.fault.status, message: found.fault.message });
      return refuse(response, found.fault, id);
    }
    line.script = found.source;
    line.fault = found.fault === null ? null : JSON.stringify(found.fault);
    if (found.fault !== null && 'status' in found.fault) {
      const { status, retryAfter } = found.fault;
      this.log.add({ ...line, status });
      if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
      const type = typeOfStatus(status);
      return refuse(response, { status, type, message: status === 529 ? 'Overloaded' : type }, id);
    }
    // Logged before the last byte is out, so that whoever has the whole answer finds it in the log.
    const whole = found.fault === null || 'stall' in found.fault;
    this.log.add({ ...line, status: 200, paid: whole });
    response.setHeader('request-id', id);
    if (!request.stream) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(plainMessage(found.answer));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    await stream(response, found.answer, found.fault);
  }

  #answer(
    request: WireRequest,
    conversationId: string,
  ):
    | { kind: 'answer'; answer: Answer; fault: Fault | null; source: string }
    | { kind: 'refused'; fault: ApiFault } {
    const refused = (message: string) =>
      ({ kind: 'refused', fault: apiFault('invalid_request_error', `recorded model: ${message}`) }) as const;
    const role = roleOf(request);
    if (role === null) return refused('the request offers no submit tool of a role, or several');
    const prompt = textOf(request.messages[0]?.content ?? []);
    const conversation = choose(this.#options.conversations, role, prompt);
    const index = turnOf(request);
    if (conversation === null)
      return refused(`no conversation for role ${role} matches: ${prompt.slice(0, 300)}`);
    const { turns, source, repeat } = conversation;
    const turn = turns[repeat ? index % turns.length : index];
    if (turn === undefined)
      return refused(`${source} has ${turns.length} turns; turn ${index} was asked for`);
    const last = textOf(request.messages.at(-1)?.content ?? []);
    const missing = turn.expect.find((pattern) => !new RegExp(pattern, 'm').test(last));
    if (missing !== undefined)
      return refused(`${source} turn ${index} expected /${missing}/ but got: ${last.slice(0, 2_000)}`);
    const answer = answerOf(turn, index, request, conversationId.slice(0, 8));
    return {
      kind: 'answer',
      answer,
      source,
      fault: this.#due(turn.fault, `${source}/${conversationId}/${index}`),
    };
  }

  /** The fault, when it has not happened its number of times yet. */
  #due(fault: Fault | undefined, key: string): Fault | null {
    if (fault === undefined || !('times' in fault)) return null;
    const happened = this.#faults.get(key) ?? 0;
    if (happened >= fault.times) return null;
    this.#faults.set(key, happened + 1);
    return fault;
  }

  #line(request: WireRequest | null, body: Buffer): RequestLine {
    const blocks = request === null ? [] : [...request.tools, ...request.system];
    const role = request === null ? null : roleOf(request);
    const prompt = request === null ? '' : textOf(request.messages[0]?.content ?? []);
    return {
      at: (this.#options.now ?? Date.now)(),
      attempt: request?.user ?? null,
      role,
      turn: request === null ? 0 : turnOf(request),
      model: request?.model ?? '',
      conversation: createHash('sha256')
        .update(`${role}\n${request?.user ?? ''}\n${prompt}`)
        .digest('hex'),
      script: null,
      status: 0,
      fault: null,
      paid: false,
      bytes: body.byteLength,
      approxTokens: approxTokens(body.byteLength),
      overheadBytes:
        request === null ? 0 : Buffer.byteLength(JSON.stringify([request.system, request.tools])),
      breakpoints: countBreakpoints([...blocks, ...(request?.messages.flatMap((m) => m.content) ?? [])]),
      message: null,
    };
  }

  #id(): string {
    this.#requests += 1;
    return `req_recorded_${this.#requests}`;
  }
}

const NOT_JSON = apiFault('invalid_request_error', 'The request body is not valid JSON');

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function refuse(response: ServerResponse, fault: ApiFault, id: string): void {
  response.writeHead(fault.status, { 'content-type': 'application/json', 'request-id': id });
  response.end(errorBody(fault, id));
}

async function stream(response: ServerResponse, answer: Answer, fault: Fault | null): Promise<void> {
  const all = [...events(answer)];
  if (fault !== null && 'hangup' in fault) {
    const bytes = Buffer.from(all.join('')).subarray(0, fault.hangup);
    response.write(bytes, () => response.destroy());
    return;
  }
  for (const [index, part] of all.entries()) {
    if (fault !== null && 'stall' in fault && index === 1)
      await sleep(fault.stall, undefined, { ref: false });
    if (fault !== null && 'errorEvent' in fault && index >= all.length / 2) {
      response.end(errorEvent(fault.errorEvent));
      return;
    }
    if (!response.writable) return;
    response.write(part);
  }
  response.end();
}
