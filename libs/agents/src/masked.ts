import type Anthropic from '@anthropic-ai/sdk';
import { maskDeep, maskSecrets, type TurnRecord } from '@millwright/domain';

type Block = Anthropic.ContentBlockParam;

/**
 * A turn as it is kept, and as the model is reminded of it: what looks like a secret is masked in what was said, called and answered. The
 * same turn goes into the record and into the next request, so that a resumed attempt and an undisturbed one ask alike.
 */
export const masked = (turn: TurnRecord): TurnRecord => ({
  ...turn,
  assistant: (turn.assistant as Block[]).flatMap(maskedBlock),
  results: (turn.results as Block[]).flatMap(maskedBlock),
  action: maskSecrets(turn.action),
});

/** Ids and signatures stay: they are random by nature, and the API knows them. */
function maskedBlock(block: Block): Block[] {
  switch (block.type) {
    case 'text':
      return [{ ...block, text: maskSecrets(block.text) }];
    case 'tool_use':
      return [{ ...block, input: maskDeep(block.input) }];
    case 'tool_result':
      return [block.content === undefined ? block : { ...block, content: maskDeep(block.content) as string }];
    case 'thinking': // signed as it is: it goes whole or not at all
      return maskSecrets(block.thinking) === block.thinking ? [block] : [];
    default:
      return [block];
  }
}
