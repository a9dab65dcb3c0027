import type Anthropic from '@anthropic-ai/sdk';
import type { TurnRecord } from '@millwright/domain';
import { OUTPUTS } from './conversation.ts';
import { dataBlock } from './data-block.ts';
import { bounded } from './tools/bound.ts';

// What one conversation tells the next, which goes on in the same workspace.

/** Begins the request for a hand-over; the recorded model knows it by that. */
const HANDOVER_ASK = 'Hand over:';

const CONTENTS =
  'In at most 600 words: what is done; what is open, in order; what was tried and why it failed; the files, commands and findings that matter.';

/** Asks the API for a summary with the same in it; it replaces the API's own words for that. */
export const SUMMARIZE = `This conversation ends here; a new one goes on in this workspace and sees the first message and your summary, nothing else. Call no tool; answer with the summary alone. ${CONTENTS}`;

export const askForHandover = (reason: string): string =>
  `${HANDOVER_ASK} this conversation ends here (${reason}); a new one goes on in this workspace and sees the first message and what you write now, nothing else. Call no tool. ${CONTENTS}`;

/** Begins the reason why a conversation is left that comes to nothing; a resumed attempt counts them by it. */
export const NOWHERE = 'it came to nothing: ';

const MAX_NOTE = 12_000;

/** The text of an answer to `askForHandover`; null when there is none. */
export function handoverIn(assistant: readonly unknown[]): string | null {
  const text = (assistant as Anthropic.ContentBlockParam[])
    .flatMap((block) => (block.type === 'text' ? [block.text] : []))
    .join('\n')
    .trim();
  return text === '' || text === '(no answer)' ? null : bounded(text, MAX_NOTE);
}

/** What the factory can tell where the model was not asked or said nothing: its own words and acts, and the hand-over before. */
export function computedHandover(records: readonly TurnRecord[], before: string | null): string {
  const said = records.flatMap(({ assistant }) => handoverIn(assistant) ?? []).slice(-5);
  const acts = records.slice(-60).map(({ turn, action }) => `${turn}. ${action}`);
  const parts = [
    before === null ? '' : `Handed over before:\n${before}`,
    said.length === 0 ? '' : `Said last:\n${said.join('\n')}`,
    acts.length === 0 ? '' : `Done last (turn and call):\n${acts.join('\n')}`,
  ];
  return bounded(parts.filter((part) => part !== '').join('\n\n') || 'Nothing was done yet.', MAX_NOTE);
}

/** A note to whoever is to go another way. */
export const withReason = (note: string, reason: string): string =>
  reason.startsWith(NOWHERE)
    ? `${note}\n\nThat conversation was left, since ${reason}\nGo another way.`
    : note;

/** Ends the first message of an attempt before which the same stage was over too early. `kept`: its workspace is there. */
export const afterAttempt = (note: string, kept: boolean): string =>
  `${dataBlock('handover', note)}\nAn attempt before yours came to no end, and left this account; its workspace is ${kept ? 'as it left it' : 'gone'}. Go on from what it found, and hand in in time.`;

/** The first message of a conversation that goes on. `note` null: a summary stands before it. */
export const openingAfter = (brief: string, note: string | null): string =>
  `${brief}\n\n${note === null ? '' : dataBlock('handover', note)}\nYou go on where an earlier conversation ended: the workspace holds its work, ${OUTPUTS} the long outputs of its commands as far as they are left. Look at \`git status\` and \`git diff\` first.`;
