import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, answerOf, approxTokens, summaryOf, wireBlock } from './answer.ts';
import type { ByHand } from './by-hand.ts';
import { choose } from './choose.ts';
import { type ApiFault, apiFault, errorBody, typeOfStatus } from './errors.ts';
import { type RequestLine, RequestLog } from './request-log.ts';
import { checkLength, checkThinkingBlocks, type Dropped, PromptCache, rulesOf } from './rules.ts';
import type { Conversation, Fault, Turn } from './script.ts';
import { errorEvent, events, ping, plainMessage } from './sse.ts';
import { checkBody, checkHeaders, countBreakpoints } from './validate.ts';
import { type Block, roleOf, textOf, turnOf, type WireRequest } from './wire.ts';

export type HandlerOptions = {
  conversations: readonly Conversation[];
  /** The only key that is let in; null lets any in. */
  key?: string | null;
  /** The models there are, besides `recorded/…` and `claude-…`. */
  knows?: (model: string) => boolean;
  /** Tokens that every model takes, where it is less than the model's own. */
  context?: number;
  /** Answers instead of the conversations. */
  byHand?: ByHand;
  /** File that gets each request as a line of JSON. */
  logFile?: string | null;
  now?: () => number;
};

const known = (model: string): boolean => /^(recorded\/|claude-)[a-z0-9._-]+$/.test(model);

/** What the agents begin a request with that wants no turn, but a hand-over (src/handover.ts). */
const HANDOVER = /^Hand over:/m;

/** Answers requests from scripts. Its only state is how often each fault has happened. */
export class RecordedHandler {
  readonly log: RequestLog;
  readonly #options: HandlerOptions;
  readonly #faults = new Map<string, number>();
  readonly #cache: PromptCache;
  /** Answers that were refusals, as they would be sent back. */
  readonly #refused = new Set<string>();
  #requests = 0;

  constructor(options: HandlerOptions) {
    this.#options = options;
    this.log = new RequestLog(options.logFile ?? null);
    this.#cache = new PromptCache(options.now);
  }

  /** `GET /v1/models/<model>`. Source: https://platform.claude.com/docs/en/api/models/retrieve */
  async model(headers: IncomingHttpHeaders, model: string, response: ServerResponse): Promise<void> {
    const fault = checkHeaders({ ...headers, 'content-type': 'application/json' }, this.#options.key ?? null);
    if (fault !== null) return refuse(response, fault, this.#id());
    if (!this.#knows(model))
      return refuse(response, apiFault('not_found_error', `model: ${model}`), this.#id());
    const { context, maxOutput } = rulesOf(model);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        type: 'model',
        id: model,
        display_name: model,
        max_input_tokens: context,
        max_tokens: maxOutput,
      }),
    );
  }

  #knows(model: string): boolean {
    return known(model) || (this.#options.knows?.(model) ?? false);
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
    const parsed = headerFault === null ? parse(body) : null;
    const checked =
      parsed === null
        ? ({ kind: 'invalid', fault: headerFault ?? NOT_JSON } as const)
        : checkBody(
            parsed,
            (model) => this.#knows(model),
            String(headers['anthropic-version']),
            String(headers['anthropic-beta'] ?? '').split(','),
          );
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
    const rules = rulesOf(request.model);
    const context = Math.min(rules.context, this.#options.context ?? rules.context);
    const long = checkLength(approxTokens(body.byteLength), context);
    const bound = checkThinkingBlocks(request, rules);
    const broken = long ?? (bound.kind === 'refused' ? bound.fault : null);
    if (broken !== null) {
      this.log.add({ ...line, status: broken.status, message: broken.message });
      return refuse(response, broken, id);
    }
    line.thinkingDropped = bound.kind === 'taken' ? bound.dropped.length : 0;
    const dropped = bound.kind === 'taken' ? bound.dropped : [];
    const { byHand } = this.#options;
    if (byHand !== undefined) return this.#answerByHand(byHand, request, line, response, dropped);
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
      const message = found.fault.message ?? (status === 529 ? 'Overloaded' : type);
      return refuse(response, { status, type, message }, id);
    }
    // Logged before the last byte is out, so that whoever has the whole answer finds it in the log.
    const whole = found.fault === null || 'stall' in found.fault;
    const { usage } = found.answer;
    this.log.add({ ...line, status: 200, paid: whole, usage });
    response.setHeader('request-id', id);
    if (!request.stream) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(plainMessage(found.answer));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    await stream(response, found.answer, found.fault, dropped);
  }

  /** The stream is opened at once and kept alive: whoever takes the seat may take their time. */
  async #answerByHand(
    byHand: ByHand,
    request: WireRequest,
    line: RequestLine,
    response: ServerResponse,
    dropped: readonly Dropped[],
  ): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    if (request.stream) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      response.write(ping());
    }
    const beat = setInterval(() => request.stream && response.write(ping()), PING_MS);
    try {
      const turn = await byHand.answer(request, line.attempt ?? 'an attempt', gone.signal);
      if (turn === null) {
        this.log.add({ ...line, script: 'by hand', status: 499 });
        return;
      }
      const answer = answerOf(turn, turnOf(request), request, line.conversation.slice(0, 8), this.#cache);
      this.log.add({ ...line, script: 'by hand', status: 200, paid: true, usage: answer.usage });
      if (request.stream) await stream(response, answer, null, dropped);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(plainMessage(answer));
    } finally {
      clearInterval(beat);
    }
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
    const seed = conversationId.slice(0, 8);
    if (request.summarize) {
      const text = conversation.summarizes ? conversation.handover : null;
      return { kind: 'answer', answer: summaryOf(text, request, seed, this.#cache), source, fault: null };
    }
    if (HANDOVER.test(textOf(request.messages.at(-1)?.content.slice(-1) ?? []))) {
      const turn = { expect: [], tools: [], say: conversation.handover };
      return {
        kind: 'answer',
        answer: answerOf(turn, index, request, seed, this.#cache),
        source,
        fault: null,
      };
    }
    // A refused conversation stays refused. Source: …/docs/en/test-and-evaluate/strengthen-guardrails/handle-streaming-refusals
    if (request.messages.some((one) => one.role === 'assistant' && this.#refused.has(saidIn(one.content)))) {
      const turn: Turn = { expect: [], tools: [], say: 'No.', stop: 'refusal' };
      const answer = answerOf(turn, index, request, seed, this.#cache);
      return { kind: 'answer', answer, source, fault: null };
    }
    const turn = turns[repeat ? index % turns.length : index];
    if (turn === undefined)
      return refused(`${source} has ${turns.length} turns; turn ${index} was asked for`);
    const last = textOf(request.messages.at(-1)?.content ?? []);
    const missing = turn.expect.find((pattern) => !new RegExp(pattern, 'm').test(last));
    if (missing !== undefined)
      return refused(`${source} turn ${index} expected /${missing}/ but got: ${last.slice(0, 2_000)}`);
    const answer = answerOf(turn, index, request, seed, this.#cache);
    if (answer.stop === 'refusal') this.#refused.add(saidIn(answer.blocks.map(wireBlock)));
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
      maxTokens: request?.max_tokens ?? 0,
      bytes: body.byteLength,
      approxTokens: approxTokens(body.byteLength),
      overheadBytes:
        request === null ? 0 : Buffer.byteLength(JSON.stringify([request.system, request.tools])),
      thinkingDropped: 0,
      usage: null,
      breakpoints: countBreakpoints([...blocks, ...(request?.messages.flatMap((m) => m.content) ?? [])]),
      message: null,
    };
  }

  #id(): string {
    this.#requests += 1;
    return `req_recorded_${this.#requests}`;
  }
}

/** What an answer says, as it is known again when it comes back, with its thinking or without. */
const saidIn = (blocks: readonly Block[]): string =>
  JSON.stringify(blocks.flatMap((block) => (block.type === 'thinking' ? [] : [block.text, block.id])));

/** Well within what a client waits for a byte. */
const PING_MS = 5_000;

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

async function stream(
  response: ServerResponse,
  answer: Answer,
  fault: Fault | null,
  dropped: readonly Dropped[],
): Promise<void> {
  const all = [...events(answer, dropped)];
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
