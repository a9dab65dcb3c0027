import { type ApiFault, apiFault } from './errors.ts';
import { checkCompaction, checkSettings, rulesOf } from './rules.ts';
import { checkMessages } from './validate-messages.ts';
import { checkTools } from './validate-tools.ts';
import { type Block, isRecord, type WireMessage, type WireRequest, type WireTool } from './wire.ts';

// What the real API refuses, this refuses too, with the same status and shape, so that a loop which passes here passes there.
// Sources: https://platform.claude.com/docs/en/api/messages and the error texts that users of the API report.

const bad = (message: string): ApiFault => apiFault('invalid_request_error', message);

/** Source: https://platform.claude.com/docs/en/api/versioning */
const VERSIONS: readonly string[] = ['2023-06-01', '2026-10-21'];
/** Source: …/docs/en/build-with-claude/preserved-thinking/fix-bound-to-a-different-conversation */
const BINDING_BETA = 'thinking-binding-controls-2026-08-01';
/** Sampling parameters that 2026-10-21 took out. */
const REMOVED = ['temperature', 'top_p', 'top_k'] as const;

export type Validated = { kind: 'valid'; request: WireRequest } | { kind: 'invalid'; fault: ApiFault };

/** Checks the headers. `key` null accepts any key; Bearer counts since newer SDKs send keys so. */
export function checkHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  key: string | null,
): ApiFault | null {
  const bearer = /^Bearer (.+)$/.exec(String(headers.authorization ?? ''))?.[1];
  const given = headers['x-api-key'] ?? bearer;
  if (given === undefined || given === '')
    return apiFault('authentication_error', 'x-api-key header is required');
  if (key !== null && given !== key) return apiFault('authentication_error', 'invalid x-api-key');
  if (headers['anthropic-version'] === undefined) return bad('anthropic-version: header is required');
  if (!VERSIONS.includes(String(headers['anthropic-version'])))
    return bad(`anthropic-version: "${String(headers['anthropic-version'])}" is not a valid version`);
  if (!/^application\/json\b/.test(String(headers['content-type'] ?? '')))
    return bad('content-type: must be application/json');
  return null;
}

/** Checks a body of `POST /v1/messages`. `knows` tells the models there are; `version` is the `anthropic-version` asked for. */
export function checkBody(
  body: unknown,
  knows: (model: string) => boolean,
  version: string = VERSIONS.at(-1) ?? '',
  betas: readonly string[] = [],
): Validated {
  const invalid = (fault: ApiFault): Validated => ({ kind: 'invalid', fault });
  if (!isRecord(body)) return invalid(bad('The request body is not valid JSON: expected an object'));
  const { model, max_tokens: maxTokens, messages, system, tools, metadata } = body;
  if (typeof model !== 'string' || model === '') return invalid(bad('model: Field required'));
  if (maxTokens === undefined) return invalid(bad('max_tokens: Field required'));
  if (typeof maxTokens !== 'number' || !Number.isInteger(maxTokens) || maxTokens < 1)
    return invalid(bad('max_tokens: Input should be an integer greater than or equal to 1'));
  if (messages === undefined) return invalid(bad('messages: Field required'));
  if (!knows(model)) return invalid(apiFault('not_found_error', `model: ${model}`));
  const removed = version === '2023-06-01' ? undefined : REMOVED.find((name) => body[name] !== undefined);
  if (removed !== undefined) return invalid(bad(`${removed}: Extra inputs are not permitted`));
  const choice = body.tool_choice;
  if (isRecord(choice) && (choice.type === 'any' || choice.type === 'tool'))
    return invalid(bad('tool_choice: forced tool use is not supported for this model'));

  const settingsFault = checkSettings(body, rulesOf(model));
  if (settingsFault !== null) return invalid(settingsFault);
  const { thinking } = body;
  const binding = isRecord(thinking) ? thinking.block_binding : undefined;
  if (binding != null && !betas.includes(BINDING_BETA))
    return invalid(bad('thinking.adaptive.block_binding: Extra inputs are not permitted'));
  const toolFault = checkTools(tools);
  if (toolFault !== null) return invalid(bad(toolFault));
  const systemBlocks = systemOf(system);
  if (typeof systemBlocks === 'string') return invalid(bad(systemBlocks));
  const messageFault = checkMessages(messages);
  if (messageFault !== null) return invalid(bad(messageFault));

  const wireTools = (Array.isArray(tools) ? tools : []) as WireTool[];
  const wireMessages = (messages as { role: 'user' | 'assistant'; content: unknown }[]).map(
    (message): WireMessage => ({
      role: message.role,
      content:
        typeof message.content === 'string'
          ? [{ type: 'text', text: message.content }]
          : (message.content as Block[]),
    }),
  );
  const compactionFault = checkCompaction(body, wireMessages, betas);
  if (compactionFault !== null) return invalid(compactionFault);
  const breakpoints = countBreakpoints([
    ...wireTools,
    ...systemBlocks,
    ...wireMessages.flatMap((m) => m.content),
  ]);
  if (breakpoints > 4)
    return invalid(bad(`A maximum of 4 blocks with cache_control may be provided. Found ${breakpoints}.`));
  return {
    kind: 'valid',
    request: {
      model,
      max_tokens: maxTokens,
      stream: body.stream === true,
      system: systemBlocks,
      tools: wireTools,
      messages: wireMessages,
      onMismatch: isRecord(binding) ? String(binding.prefix_mismatch_behavior ?? 'error') : null,
      summarize: body.compaction != null,
      showsThinking: isRecord(thinking) && thinking.display === 'summarized',
      user: isRecord(metadata) && typeof metadata.user_id === 'string' ? metadata.user_id : null,
    },
  };
}

function systemOf(system: unknown): Block[] | string {
  if (system === undefined) return [];
  if (typeof system === 'string') return [{ type: 'text', text: system }];
  if (!Array.isArray(system)) return 'system: Input should be a valid string or list of text blocks';
  for (const [index, block] of system.entries()) {
    if (!isRecord(block) || block.type !== 'text' || typeof block.text !== 'string')
      return `system.${index}: Input should be a text block`;
    if (block.text === '') return 'system: text content blocks must be non-empty';
  }
  return system as Block[];
}

export function countBreakpoints(blocks: readonly Record<string, unknown>[]): number {
  let found = 0;
  for (const block of blocks) {
    if (isRecord(block.cache_control)) found += 1;
    if (Array.isArray(block.content)) found += countBreakpoints(block.content.filter(isRecord));
  }
  return found;
}
