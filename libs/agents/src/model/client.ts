import type Anthropic from '@anthropic-ai/sdk';
import { Stream } from '@anthropic-ai/sdk/streaming';
import { type Answer, Assembler } from './assemble.ts';
import { type Endpoint, missingOf, nameAt, open, type Site, siteOf } from './endpoint.ts';
import { type CallFailure, type FailureContext, failureOf, isApiError, notTheApi } from './failure.ts';

export type ModelRequest = Omit<Anthropic.MessageCreateParamsStreaming, 'stream'> & {
  /** Asks for a summary of the conversation instead of an answer. */
  compaction?: { type: 'summarize'; instructions: string };
  /** Beta headers that the request needs. */
  betas?: readonly string[];
};
export type CallResult = { kind: 'answered'; answer: Answer } | { kind: 'failed'; failure: CallFailure };

/** One call of a model, once: no retries, no state. */
export interface ModelClient {
  call(request: ModelRequest, signal: AbortSignal, onThinking?: (text: string) => void): Promise<CallResult>;
  /** Whether the endpoint is the Messages API, lets this key in and has the model. Costs nothing. Never throws. */
  check(
    model: string,
    signal: AbortSignal,
  ): Promise<{ kind: 'there' } | { kind: 'failed'; failure: CallFailure }>;
}

export type ModelClientOptions = Endpoint & {
  /** No byte for this long means the model has stalled. Pings count as life: a model may think silently for minutes. */
  stallMs?: number;
};

export class AnthropicClient implements ModelClient {
  readonly #endpoint: Endpoint;
  readonly #site: Site;
  readonly #stallMs: number;
  #opened: ReturnType<typeof open> | null = null;

  constructor(options: ModelClientOptions) {
    this.#endpoint = options;
    this.#site = siteOf(options);
    this.#stallMs = options.stallMs ?? 90_000;
  }

  #open(): ReturnType<typeof open> {
    this.#opened ??= open(this.#endpoint);
    return this.#opened;
  }

  #failed(error: unknown, context: Omit<FailureContext, 'site'>): { kind: 'failed'; failure: CallFailure } {
    const failure = failureOf(error, { ...context, site: this.#site });
    // A cloud's client keeps the credentials that it did not find: the next call looks for them again.
    if (failure.kind === 'auth') this.#opened = null;
    return { kind: 'failed', failure };
  }

  /**
   * Asks for the model itself, or where that is not served for the tokens of a word in it. Source: …/docs/en/api/models/retrieve, …/token-counting.
   * A gateway may serve neither. What refuses a request without messages in the words of the Messages API is one all the same.
   */
  async check(
    model: string,
    signal: AbortSignal,
  ): Promise<{ kind: 'there' } | { kind: 'failed'; failure: CallFailure }> {
    const missing = missingOf(this.#endpoint);
    if (missing !== null) return { kind: 'failed', failure: missing };
    try {
      const { models, messages } = await this.#open();
      const options = { signal, timeout: 10_000 };
      const name = nameAt(this.#endpoint, model);
      const found: unknown =
        models === null
          ? await messages.countTokens({ model: name, messages: [{ role: 'user', content: 'Hi' }] }, options)
          : await models.retrieve(name, null, options);
      const wanted = models === null ? 'input_tokens' : 'id';
      if (typeof found === 'object' && found !== null && wanted in found) return { kind: 'there' };
      return { kind: 'failed', failure: notTheApi(this.#site, 'it answers something else') };
    } catch (error) {
      const failed = this.#failed(error, { began: false, stalled: false, signal });
      return failed.failure.kind === 'endpoint' ? this.#refusesNothing(model, signal, failed) : failed;
    }
  }

  /** The failure of a request that no Messages API takes, or that it is one. */
  async #refusesNothing(
    model: string,
    signal: AbortSignal,
    failed: { kind: 'failed'; failure: CallFailure },
  ): Promise<{ kind: 'there' } | { kind: 'failed'; failure: CallFailure }> {
    try {
      const { messages } = await this.#open();
      const name = nameAt(this.#endpoint, model);
      await messages.create({ model: name, max_tokens: 1, messages: [] }, { signal, timeout: 10_000 });
      return failed;
    } catch (error) {
      const said = this.#failed(error, { began: false, stalled: false, signal });
      return said.failure.kind === 'request' && isApiError(error) ? { kind: 'there' } : said;
    }
  }

  async call(
    request: ModelRequest,
    signal: AbortSignal,
    onThinking?: (text: string) => void,
  ): Promise<CallResult> {
    const missing = missingOf(this.#endpoint);
    if (missing !== null) return { kind: 'failed', failure: missing };
    const controller = new AbortController();
    const watch = new Watchdog(this.#stallMs, () => controller.abort());
    const abort = () => controller.abort();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const { base, messages } = await this.#open();
      const { betas = [], ...body } = request;
      const model = nameAt(this.#endpoint, request.model);
      const options = {
        signal: controller.signal,
        timeout: this.#stallMs + 60_000,
        ...(betas.length === 0 ? {} : { headers: { 'anthropic-beta': betas.join(',') } }),
      };
      const response = await messages.create({ ...body, model, stream: true }, options).asResponse();
      watch.alive();
      const type = response.headers.get('content-type') ?? '';
      if (!type.startsWith('text/event-stream'))
        return { kind: 'failed', failure: notTheApi(this.#site, `it answers ${type || 'without a type'}`) };
      const assembler = new Assembler(onThinking);
      const stream = Stream.fromSSEResponse<Anthropic.RawMessageStreamEvent>(
        watched(response, watch),
        controller,
        base,
      );
      for await (const event of stream) assembler.take(event);
      const answer = assembler.answer();
      if (answer !== null) return { kind: 'answered', answer };
      throw new Error('the stream ended before the message did');
    } catch (error) {
      return this.#failed(error, { began: watch.began, stalled: watch.stalled, signal });
    } finally {
      watch.stop();
      signal.removeEventListener('abort', abort);
    }
  }
}

class Watchdog {
  readonly #ms: number;
  readonly #bark: () => void;
  #timer: NodeJS.Timeout;
  began = false;
  stalled = false;

  constructor(ms: number, bark: () => void) {
    this.#ms = ms;
    this.#bark = () => {
      this.stalled = true;
      bark();
    };
    this.#timer = setTimeout(this.#bark, this.#ms);
  }

  alive(): void {
    this.began = true;
    clearTimeout(this.#timer);
    if (!this.stalled) this.#timer = setTimeout(this.#bark, this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** The same response, telling the watchdog of every chunk. */
function watched(response: Response, watch: Watchdog): Response {
  if (response.body === null) return response;
  const told = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        watch.alive();
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(told, { status: response.status, headers: response.headers });
}
