import type Anthropic from '@anthropic-ai/sdk';
import { maskDeep, maskSecrets, type TurnRecord } from '@millwright/domain';

type Block = Anthropic.ContentBlockParam;

/** Tool results as the model is shown them and as they are kept: what looks like a secret is masked before anybody sees it. */
export const maskedResults = <B extends Block>(results: readonly B[]): B[] =>
  results.map((block) => maskedBlock(block, (picture) => picture) as B);

/**
 * A turn as it is kept: what looks like a secret is masked in what was said, called and answered. Signatures are left out: the thinking that
 * they hold cannot be looked into, and a conversation that is read back goes on without it.
 */
export const masked = (turn: TurnRecord): TurnRecord => ({
  ...turn,
  assistant: (turn.assistant as Block[]).map((block) => maskedBlock(block, notKept)),
  results: (turn.results as Block[]).map((block) => maskedBlock(block, notKept)),
  action: maskSecrets(turn.action),
  ...(turn.opening === undefined ? {} : { opening: maskSecrets(turn.opening) }),
});

/** A picture is for who looks at it now; the file is in the workspace. */
const notKept = (): Anthropic.TextBlockParam => ({ type: 'text', text: '[it is not kept: look again]' });

/** Ids stay: they are random by nature, and the API knows them. Pictures are what `shown` makes of them: bytes that look like secrets are none. */
function maskedBlock(
  block: Block,
  shown: (picture: Anthropic.ImageBlockParam) => Anthropic.ImageBlockParam | Anthropic.TextBlockParam,
): Block {
  switch (block.type) {
    case 'text':
      return { ...block, text: maskSecrets(block.text) };
    case 'tool_use':
      return { ...block, input: maskDeep(block.input) };
    case 'tool_result':
      if (block.content === undefined) return block;
      return {
        ...block,
        content: Array.isArray(block.content)
          ? block.content.map((one) => (one.type === 'image' ? shown(one) : (maskDeep(one) as typeof one)))
          : (maskDeep(block.content) as string),
      };
    case 'thinking':
      return { type: 'thinking', thinking: maskSecrets(block.thinking), signature: '' };
    case 'redacted_thinking':
      return { type: 'redacted_thinking', data: '' };
    default:
      return block;
  }
}
