// The part of a Messages API request that the recorded model reads, after `validate.ts` has checked it. Everything else is passed over.

export type Block = { type: string; [key: string]: unknown };
export type WireMessage = { role: 'user' | 'assistant'; content: Block[] };
export type WireTool = { name: string; type?: string; [key: string]: unknown };
export type WireRequest = {
  model: string;
  max_tokens: number;
  stream: boolean;
  system: Block[];
  tools: WireTool[];
  messages: WireMessage[];
  /** The request asks for a summary of the conversation, not for an answer. */
  summarize: boolean;
  /** `metadata.user_id`: Millwright sends the attempt's id. */
  user: string | null;
  /** `thinking.block_binding.prefix_mismatch_behavior`, where it is set. */
  onMismatch: string | null;
  /** Whether the text of thinking is shown: `thinking.display`, which by default it is not. */
  showsThinking: boolean;
};

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** All text of blocks, tool results included, one block a line. */
export function textOf(blocks: readonly Block[]): string {
  const lines: string[] = [];
  for (const block of blocks) {
    if (typeof block.text === 'string') lines.push(block.text);
    const content = block.content;
    if (typeof content === 'string') lines.push(content);
    else if (Array.isArray(content)) lines.push(textOf(content.filter(isRecord) as Block[]));
  }
  return lines.join('\n');
}

export const ROLE_OF_SUBMIT: Readonly<Record<string, string>> = {
  submit_plan: 'plan',
  submit_change: 'implement',
  submit_review: 'review',
  submit_tests: 'test',
  submit_release: 'deploy',
};

/** The role by its submit tool, null when the request offers none or several. */
export function roleOf(request: Pick<WireRequest, 'tools'>): string | null {
  const roles = request.tools.flatMap((tool) => ROLE_OF_SUBMIT[tool.name] ?? []);
  return roles.length === 1 ? (roles[0] ?? null) : null;
}

/** The turn asked for, from 0: how often the assistant has spoken. */
export const turnOf = (request: Pick<WireRequest, 'messages'>): number =>
  request.messages.filter((message) => message.role === 'assistant').length;

/** A call's arguments as the API gives them: what is no JSON is no argument. */
export function inputOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
