import type Anthropic from '@anthropic-ai/sdk';
import { Stream } from '@anthropic-ai/sdk/streaming';
import { type Answer, Assembler } from './assemble.ts';
import { type CallFailure, failureOf, notTheApi } from './failure.ts';

export type ModelRequest = Omit<Anthropic.MessageCreateParamsStreaming, 'stream'>;
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

export type ModelClientOptions = {
  /** Null is an `auth` failure at Anthropic's own address; a gateway or a local server gets the key `none`. */
  apiKey: string | null;
  baseUrl?: string | null;
  /** No byte for this long means the model has stalled. Pings count as life: a model may think silently for minutes. */
  stallMs?: number;
};

const DEFAULT_BASE = 'https://api.anthropic.com';

export class AnthropicClient implements ModelClient {
  readonly #options: ModelClientOptions & { baseURL: string };
  #sdk: Promise<Anthropic> | null = null;
  readonly #where: string;
  readonly #stallMs: number;
  readonly #keyless: boolean;

  constructor(options: ModelClientOptions) {
    this.#keyless = options.apiKey === null && (options.baseUrl ?? DEFAULT_BASE) === DEFAULT_BASE;
    const baseURL = options.baseUrl ?? DEFAULT_BASE;
    this.#where = originOf(baseURL);
    this.#stallMs = options.stallMs ?? 90_000;
    this.#options = { ...options, baseURL };
  }

  /** Loaded by the first call: 27 MB and 0.3 s that an idle runner does without. */
  #load(): Promise<Anthropic> {
    this.#sdk ??= import('@anthropic-ai/sdk').then(
      ({ default: Sdk }) =>
        new Sdk({
          apiKey: this.#options.apiKey ?? 'none',
          authToken: null,
          baseURL: this.#options.baseURL,
          maxRetries: 0,
          logLevel: 'off',
        }),
    );
    return this.#sdk;
  }

  #unusable(): CallFailure | null {
    if (this.#keyless) return NO_KEY;
    return URL.canParse(this.#options.baseURL) ? null : BAD_BASE;
  }

  /** `GET /v1/models/<model>`. Source: https://platform.claude.com/docs/en/api/models/retrieve */
  async check(
    model: string,
    signal: AbortSignal,
  ): Promise<{ kind: 'there' } | { kind: 'failed'; failure: CallFailure }> {
    const unusable = this.#unusable();
    if (unusable !== null) return { kind: 'failed', failure: unusable };
    const sdk = await this.#load();
    try {
      const found: unknown = await sdk.models.retrieve(model, null, { signal, timeout: 10_000 });
      if (typeof found === 'object' && found !== null && 'id' in found) return { kind: 'there' };
      return { kind: 'failed', failure: notTheApi(this.#where, 'it answers something else') };
    } catch (error) {
      const context = { began: false, stalled: false, signal, where: this.#where };
      return { kind: 'failed', failure: failureOf(error, context) };
    }
  }

  async call(
    request: ModelRequest,
    signal: AbortSignal,
    onThinking?: (text: string) => void,
  ): Promise<CallResult> {
    const unusable = this.#unusable();
    if (unusable !== null) return { kind: 'failed', failure: unusable };
    const sdk = await this.#load();
    const controller = new AbortController();
    const watch = new Watchdog(this.#stallMs, () => controller.abort());
    const abort = () => controller.abort();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const response = await sdk.messages
        .create({ ...request, stream: true }, { signal: controller.signal, timeout: this.#stallMs + 60_000 })
        .asResponse();
      watch.alive();
      const type = response.headers.get('content-type') ?? '';
      if (!type.startsWith('text/event-stream'))
        return { kind: 'failed', failure: notTheApi(this.#where, `it answers ${type || 'without a type'}`) };
      const assembler = new Assembler(onThinking);
      const stream = Stream.fromSSEResponse<Anthropic.RawMessageStreamEvent>(
        watched(response, watch),
        controller,
        sdk,
      );
      for await (const event of stream) assembler.take(event);
      const answer = assembler.answer();
      if (answer !== null) return { kind: 'answered', answer };
      throw new Error('the stream ended before the message did');
    } catch (error) {
      const context = { began: watch.began, stalled: watch.stalled, signal, where: this.#where };
      return { kind: 'failed', failure: failureOf(error, context) };
    } finally {
      watch.stop();
      signal.removeEventListener('abort', abort);
    }
  }
}

const NO_KEY: CallFailure = {
  kind: 'auth',
  spent: 'nothing',
  detail: 'ANTHROPIC_API_KEY is not set. Set it, or serve recorded conversations (docs/recorded-model.md)',
};

const BAD_BASE: CallFailure = {
  kind: 'request',
  spent: 'nothing',
  detail: 'ANTHROPIC_BASE_URL is not a URL; give one such as https://api.anthropic.com',
};

const originOf = (url: string): string =>
  URL.canParse(url) ? new URL(url).origin : 'a base URL that is not a URL';

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
