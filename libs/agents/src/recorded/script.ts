import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Role } from '@millwright/domain';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

// A script is a YAML file of conversations, one a document (`---` between them). docs/recorded-model.md explains it to people.

const Pattern = z.string().refine((text) => {
  try {
    return new RegExp(text, 'm') instanceof RegExp;
  } catch (error) {
    return !(error instanceof SyntaxError);
  }
}, 'not a regular expression');

/** Strings in it may hold `{{turn}}`, the number of the turn from 0. */
const Input = z.record(z.string(), z.unknown());

const ToolCall = z.union(
  [
    z.strictObject({ bash: z.string() }),
    z.strictObject({ edit: Input }),
    z.strictObject({ submit: Input }),
    /** Thinking that stands there, signed for this conversation. */
    z.strictObject({ think: z.string().min(1) }),
    /** Any call at all, for models that misbehave: an unknown tool, another role's submit. `json` is sent as it is, JSON or not. */
    z.strictObject({ call: z.strictObject({ name: z.string(), input: Input }) }),
    z.strictObject({ call: z.strictObject({ name: z.string(), json: z.string() }) }),
  ],
  'a call has one of bash, edit, submit, think and call, and nothing else',
);
export type ToolCall = z.infer<typeof ToolCall>;

const times = z.number().int().positive().default(1);

/** What goes wrong. The first four happen `times` times a conversation and turn, then the turn is answered; the last two are the answer. */
export const Fault = z.union([
  z.strictObject({
    status: z.number().int().min(400).max(599),
    retryAfter: z.number().optional(),
    /** What the error says; the API's own words by default. */
    message: z.string().optional(),
    times,
  }),
  /** Cuts the connection after that many bytes of the stream. */
  z.strictObject({ hangup: z.number().int().nonnegative(), times }),
  /** Says nothing for that many ms after the stream has begun, then goes on. */
  z.strictObject({ stall: z.number().int().positive(), times }),
  /** An error event after HTTP 200, once half of the stream is out. */
  z.strictObject({ errorEvent: z.string(), times }),
  /** The last tool call's arguments are cut: not JSON. */
  z.strictObject({ malformed: z.literal(true) }),
  /** The last tool call's arguments get a string of that many bytes besides. */
  z.strictObject({ huge: z.number().int().positive() }),
]);
export type Fault = z.infer<typeof Fault>;

export const Turn = z.strictObject({
  /** Every one must be found in the last user message (tool results included), else the request is refused and says which was not. */
  expect: z.array(Pattern).default([]),
  /** Thinking before all else. */
  think: z.string().min(1).optional(),
  say: z.string().optional(),
  tools: z.array(ToolCall).default([]),
  usage: z
    .strictObject({
      input: z.number().int().nonnegative().optional(),
      output: z.number().int().nonnegative().optional(),
    })
    .optional(),
  stop: z.enum(['end_turn', 'tool_use', 'max_tokens', 'refusal', 'model_context_window_exceeded']).optional(),
  /** Why it stops, where it is a refusal. */
  refusal: z.strictObject({ category: z.string(), explanation: z.string() }).optional(),
  fault: Fault.optional(),
});
export type Turn = z.infer<typeof Turn>;

const Conversation = z.strictObject({
  role: Role,
  /** All of it must hold for the first user message. The conversation with the most conditions wins, then the first. */
  when: z
    .strictObject({
      title: Pattern.optional(),
      task: z.string().optional(),
      attempt: z.number().int().positive().optional(),
      prompt: Pattern.optional(),
    })
    .default({}),
  turns: z.array(Turn).min(1),
  /** After the last turn, begin again: a model that never ends. */
  repeat: z.boolean().default(false),
  /** What it answers when it is asked to hand over; then no turn is used up. */
  handover: z.string().default('Go on where the workspace is.'),
  /** Whether that is what it says too when the API is asked to sum the conversation up; else there is no summary. */
  summarizes: z.boolean().default(true),
});
export type Conversation = z.infer<typeof Conversation> & { source: string };

/** Reads one file's conversations. Throws an error that names the file, the line or the key, and what is wrong. */
export function parseScript(text: string, source: string): Conversation[] {
  const found: Conversation[] = [];
  for (const [index, document] of parseAllDocuments(text).entries()) {
    const problem = document.errors[0];
    if (problem !== undefined) throw new Error(`${source}: ${problem.message}`);
    const value: unknown = document.toJS();
    if (value === null) continue;
    const parsed = Conversation.safeParse(value);
    if (!parsed.success)
      throw new Error(`${source}: conversation ${index + 1}: ${z.prettifyError(parsed.error)}`);
    found.push({ ...parsed.data, source: `${source}#${index + 1}` });
  }
  return found;
}

/** Reads every `.yaml` and `.yml` file of a folder and its folders, by name. */
export function loadScripts(folder: string): Conversation[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .sort();
  return names.flatMap((name) => parseScript(readFileSync(join(folder, name), 'utf8'), name));
}
