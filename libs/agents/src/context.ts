import { type Conversation, putAside } from './conversation.ts';
import type { ModelFacts } from './model/catalog.ts';

// How full a conversation is, and what is done about it. Pure.

/**
 * Tokens of the next request, from the last one that was counted: tokens a byte hold well within a conversation, four bytes a token is what
 * is taken until one was counted.
 */
export type Gauge = { tokens: number; bytes: number } | null;

export const estimate = (bytes: number, gauge: Gauge): number =>
  Math.ceil(gauge === null || gauge.bytes === 0 ? bytes / 4 : (bytes * gauge.tokens) / gauge.bytes);

/** What a conversation may grow to: what was set, what the model takes beside its answer, and where its prices rise. */
export const roomOf = (facts: ModelFacts, contextTokens: number, answerTokens: number): number =>
  Math.min(
    contextTokens,
    Math.floor((facts.context - answerTokens) * 0.95),
    facts.long === undefined ? Number.POSITIVE_INFINITY : facts.long.over,
  );

/** Turns on end whose outputs stay as they are. */
const KEEP = 3;
/** Putting old outputs aside is worth its price (all of what stays is paid for anew) where it empties this share of the room. */
const WORTH = 0.4;

export type Relief =
  | { kind: 'none' }
  /** Outputs of the turns up to `upTo` go into files. */
  | { kind: 'put_aside'; upTo: number }
  | { kind: 'hand_over'; reason: string };

/** What to do before the next request, given how many tokens it has. */
export function reliefOf(
  conversation: Conversation,
  tokens: number,
  limits: { room: number; turns: number },
): Relief {
  const said = conversation.turns.length;
  if (said >= limits.turns) return { kind: 'hand_over', reason: `${said} turns in one conversation` };
  if (tokens <= limits.room) return { kind: 'none' };
  const upTo = conversation.turns.at(-1 - KEEP)?.turn ?? 0;
  if (shareFreed(conversation, upTo) * tokens >= WORTH * limits.room) return { kind: 'put_aside', upTo };
  // Where it is the first message that is long, a new conversation would be no shorter.
  if (said > 0 && shareOfTurns(conversation) > 0.3)
    return { kind: 'hand_over', reason: `the conversation has ${tokens} tokens` };
  return { kind: 'none' };
}

const shareOfTurns = (conversation: Conversation): number =>
  1 - JSON.stringify(conversation.opening).length / JSON.stringify(conversation).length;

function shareFreed(conversation: Conversation, upTo: number): number {
  const before = JSON.stringify(conversation).length;
  return 1 - JSON.stringify(putAside(conversation, upTo).conversation).length / before;
}
