import { fileList, hitList, MOST_HITS, type TicketWord, ticketWords } from '@millwright/agents';
import { maskSecrets, type Ticket, type Workspace } from '@millwright/domain';
import { type Checkout, listCheckout } from '@millwright/sandbox';
import { quote, type Toolchain } from '@millwright/toolchains';

const FILES_TOKENS = 1_000;
const HITS_TOKENS = 1_000;
const MAX_FILES = 100_000;

/** Where a ticket's words say nothing: what was generated, locked or packed. */
const NOT_IN = ['*.lock', '*-lock.*', '*.min.*', '*.map', '*.snap', '*.svg'];

/**
 * What a planner would list and look for first: the tree's files, and the lines that hold words of the ticket, as its workspace has them. Nothing
 * of what cannot be had in ten seconds, or without git: the planner looks itself.
 */
export async function repositoryMap(
  { isInstalled }: Pick<Toolchain, 'isInstalled'>,
  workspace: Pick<Workspace, 'exec'>,
  tree: Checkout,
  ticket: Ticket,
): Promise<{ files: string; hits: string }> {
  const words = ticketWords(ticket);
  const [{ paths }, asked] = await Promise.all([
    listCheckout(tree, MAX_FILES, isInstalled),
    workspace.exec(askFor(words), { timeoutMs: 10_000, maxBytes: 1_048_576 }),
  ]);
  const found = asked.kind === 'gone' ? '' : asked.output;
  return {
    files: fileList(paths, FILES_TOKENS),
    hits: maskSecrets(hitList(words, hitsIn(found, words), HITS_TOKENS)),
  };
}

/** Each word's number, then its lines, without those that nobody wrote by hand; `done` after the last of them. */
function askFor(words: readonly TicketWord[]): string {
  const not = NOT_IN.map((glob) => quote(`:!${glob}`)).join(' ');
  const each = words.map(
    ({ text }, index) =>
      `echo =${index}; git grep -n -I -i -w -F -e ${quote(text)} -- . ${not} 2>/dev/null | awk 'length < 500' | cut -c1-240 | head -n ${MOST_HITS + 1}; echo =done`,
  );
  return ['git rev-parse --git-dir >/dev/null 2>&1 || exit 0', ...each].join('\n');
}

function hitsIn(output: string, words: readonly TicketWord[]): Map<string, string[]> {
  const hits = new Map<string, string[]>();
  for (const part of output.split(/^=(?=\d+\n)/m).slice(1)) {
    const [index, ...lines] = part.trimEnd().split('\n');
    const word = words[Number(index)];
    if (word !== undefined && lines.at(-1) === '=done') hits.set(word.text, lines.slice(0, -1));
  }
  return hits;
}
