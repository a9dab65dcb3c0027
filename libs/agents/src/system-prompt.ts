import { readFileSync } from 'node:fs';
import type { Role } from '@millwright/domain';

const read = (name: string): string =>
  readFileSync(new URL(`./prompts/${name}.md`, import.meta.url), 'utf8').trim();

/** The system prompt of a role: its own file, then what all roles share. Depends on nothing else, so that it caches. */
export function systemPrompt(
  role: Role,
  facts: { root: string; timeoutMs: number; maxTimeoutMs: number; submit: string },
): string {
  return `${read(role)}\n\n${read('shared')}`
    .replaceAll('{{root}}', facts.root)
    .replaceAll('{{timeout}}', String(Math.round(facts.timeoutMs / 1_000)))
    .replaceAll('{{max_timeout}}', String(Math.round(facts.maxTimeoutMs / 1_000)))
    .replaceAll('{{submit}}', facts.submit);
}
