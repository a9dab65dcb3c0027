import type { Conversation } from './script.ts';

// Which conversation a request belongs to. Pure: told by the role and the first user message alone, so that a request that is sent
// again after a crash finds the same one.

/** The facts that every first user message of Millwright carries, one a line: `Title:`, `Task:`, `Attempt:`. */
export function factsOf(prompt: string): { title: string; task: string; attempt: number } {
  const line = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(prompt)?.[1]?.trim() ?? '';
  return { title: line('Title'), task: line('Task'), attempt: Number.parseInt(line('Attempt'), 10) || 1 };
}

export function choose(
  conversations: readonly Conversation[],
  role: string,
  prompt: string,
): Conversation | null {
  const facts = factsOf(prompt);
  let best: { conversation: Conversation; conditions: number } | null = null;
  for (const conversation of conversations) {
    const { when } = conversation;
    const holds =
      conversation.role === role &&
      (when.title === undefined || new RegExp(when.title, 'm').test(facts.title)) &&
      (when.task === undefined || when.task === facts.task) &&
      (when.attempt === undefined || when.attempt === facts.attempt) &&
      (when.prompt === undefined || new RegExp(when.prompt, 'm').test(prompt));
    const conditions = Object.keys(when).length;
    if (holds && (best === null || conditions > best.conditions)) best = { conversation, conditions };
  }
  return best?.conversation ?? null;
}
