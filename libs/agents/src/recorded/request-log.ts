import { appendFileSync } from 'node:fs';
import type { AnswerUsage } from './answer.ts';

/** One request as the server saw it. `paid` is true when the whole answer went out: what a real API would surely have billed. */
export type RequestLine = {
  at: number;
  attempt: string | null;
  role: string | null;
  /** The turn asked for, from 0. */
  turn: number;
  model: string;
  /** Same first user message and role: same conversation. */
  conversation: string;
  script: string | null;
  status: number;
  fault: string | null;
  paid: boolean;
  maxTokens: number;
  bytes: number;
  approxTokens: number;
  /** System prompt and tools: what a call carries beside ticket, repository and history. */
  overheadBytes: number;
  breakpoints: number;
  /** Thinking blocks that were not shown to the model. */
  thinkingDropped: number;
  /** As the answer told it. */
  usage: AnswerUsage | null;
  message: string | null;
};

/** Keeps what was asked, in memory and (JSON lines) in a file. Bounded: the oldest are forgotten. */
export class RequestLog {
  readonly #lines: RequestLine[] = [];
  readonly #file: string | null;
  readonly #limit: number;

  constructor(file: string | null = null, limit = 10_000) {
    this.#file = file;
    this.#limit = limit;
  }

  add(line: RequestLine): void {
    this.#lines.push(line);
    if (this.#lines.length > this.#limit) this.#lines.shift();
    if (this.#file !== null) appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  all(): RequestLine[] {
    return [...this.#lines];
  }

  clear(): void {
    this.#lines.length = 0;
  }
}
