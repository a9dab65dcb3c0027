import { isRecord } from './wire.ts';

const BLOCKS: Readonly<Record<string, readonly string[]>> = {
  // Where a compaction block may stand, and with which header: rules.ts.
  user: ['text', 'tool_result', 'image', 'document', 'compaction'],
  assistant: ['text', 'tool_use', 'thinking', 'redacted_thinking', 'compaction'],
};

/** Says what is wrong with a request's `messages`, or null. Every tool_use must be answered by the tool_results that begin the next message. */
export function checkMessages(messages: unknown): string | null {
  if (!Array.isArray(messages)) return 'messages: Input should be a valid list';
  if (messages.length === 0) return 'messages: at least one message is required';
  let asked: string[] = [];
  for (const [index, message] of messages.entries()) {
    const at = `messages.${index}`;
    if (!isRecord(message)) return `${at}: Input should be a valid object`;
    const { role, content } = message;
    if (role !== 'user' && role !== 'assistant')
      return `messages: Unexpected role "${String(role)}". Allowed roles are "user" or "assistant"`;
    const summed = Array.isArray(content) && isRecord(content[0]) && content[0].type === 'compaction';
    if (index === 0 && role !== 'user' && !summed) return 'messages: first message must use the "user" role';
    const blocks = blocksOf(content);
    if (blocks === null) return `${at}.content: Input should be a valid string or list of content blocks`;
    if (blocks.length === 0)
      return `${at}: all messages must have non-empty content except for the optional final assistant message`;
    const fault =
      checkBlocks(blocks, role, at) ?? (role === 'user' ? checkResults(blocks, asked, at, index) : null);
    if (fault !== null) return fault;
    if (role === 'assistant' && asked.length > 0) return unanswered(index - 1, asked);
    asked = role === 'assistant' ? idsOf(blocks) : [];
    if (new Set(asked).size !== asked.length) return `${at}: \`tool_use\` ids must be unique`;
  }
  if (asked.length > 0) return unanswered(messages.length - 1, asked);
  const last = messages.at(-1);
  if (isRecord(last) && last.role === 'assistant')
    return 'This model does not support assistant message prefill. The conversation must end with a user message.';
  return null;
}

const unanswered = (index: number, ids: readonly string[]): string =>
  `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`;

function blocksOf(content: unknown): Record<string, unknown>[] | null {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  if (!Array.isArray(content) || !content.every(isRecord)) return null;
  return content;
}

const idsOf = (blocks: readonly Record<string, unknown>[]): string[] =>
  blocks.filter((block) => block.type === 'tool_use').map((block) => String(block.id));

function checkBlocks(
  blocks: readonly Record<string, unknown>[],
  role: 'user' | 'assistant',
  at: string,
): string | null {
  for (const [index, block] of blocks.entries()) {
    const type = String(block.type);
    const where = `${at}.content.${index}`;
    if (!BLOCKS[role]?.includes(type))
      return `${where}: Input tag '${type}' found using 'type' does not match any of the expected tags: ${BLOCKS[role]?.join(', ')}`;
    if (type === 'text' && (typeof block.text !== 'string' || block.text.trim() === ''))
      return block.text === '' || block.text === undefined
        ? 'messages: text content blocks must be non-empty'
        : 'messages: text content blocks must contain non-whitespace text';
    if (type === 'tool_use') {
      if (!/^[a-zA-Z0-9_-]+$/.test(String(block.id ?? '')))
        return `${where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`;
      if (typeof block.name !== 'string') return `${where}.tool_use.name: Field required`;
      if (!isRecord(block.input)) return `${where}.tool_use.input: Input should be a valid dictionary`;
    }
  }
  return null;
}

const PICTURES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
const MAX_PICTURE = 5 * 1024 * 1024;

/** Source: https://platform.claude.com/docs/en/build-with-claude/vision ("General limits"); what it is, is told by its first bytes. */
function checkPicture(block: Record<string, unknown>, at: string): string | null {
  if (block.type !== 'image') return null;
  const { source } = block;
  if (!isRecord(source) || source.type !== 'base64' || typeof source.data !== 'string')
    return `${at}.image.source: Field required`;
  if (!PICTURES.includes(String(source.media_type)))
    return `${at}.image.source.base64.media_type: Input should be ${PICTURES.map((one) => `'${one}'`).join(', ')}`;
  if (source.data.length > MAX_PICTURE)
    return `${at}.image.source.base64: image exceeds 5 MB maximum: ${source.data.length} bytes > ${MAX_PICTURE} bytes`;
  if (!/^(iVBORw0KGgo|\/9j\/|R0lGOD|UklGR)/.test(source.data))
    return `${at}.image.source.base64.data: Could not process image`;
  return null;
}

function checkResults(
  blocks: readonly Record<string, unknown>[],
  asked: readonly string[],
  at: string,
  index: number,
): string | null {
  const answered = new Set<string>();
  let past = false;
  for (const [position, block] of blocks.entries()) {
    const pictures = [block, ...(Array.isArray(block.content) ? block.content : [])].filter(isRecord);
    const fault = pictures
      .map((one) => checkPicture(one, `${at}.content.${position}`))
      .find((one) => one !== null);
    if (fault != null) return fault;
    if (block.type !== 'tool_result') {
      past = true;
      continue;
    }
    const id = String(block.tool_use_id);
    if (!asked.includes(id))
      return `${at}.content.${position}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`;
    if (past) return unanswered(index - 1, [id]);
    if (answered.has(id))
      return `${at}.content.${position}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${id}`;
    answered.add(id);
  }
  const missing = asked.filter((id) => !answered.has(id));
  return missing.length > 0 ? unanswered(index - 1, missing) : null;
}
