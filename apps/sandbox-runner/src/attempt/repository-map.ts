import { fileList, hitList, MOST_HITS, pairPattern, type TicketWord, ticketWords } from '@millwright/agents';
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
    workspace.exec(askFor(words, pairPattern(ticket)), { timeoutMs: 10_000, maxBytes: 1_048_576 }),
  ]);
  const found = hitsIn(asked.kind === 'gone' ? '' : asked.output, words);
  const made = [...found.keys()].filter((text) => !words.some((word) => word.text === text));
  const all = [...words, ...made.map((text) => ({ text, name: true }))];
  return {
    files: fileList(paths, FILES_TOKENS),
    hits: maskSecrets(hitList(all, found, HITS_TOKENS)),
  };
}

/** Names that are made of words of the ticket, the rarest first. */
const MAX_MADE = 6;

/** Each word's number, or the name that is made of two, then its lines, without those that nobody wrote by hand; `done` after the last of them. */
function askFor(words: readonly TicketWord[], pairs: string | null): string {
  const not = NOT_IN.map((glob) => quote(`:!${glob}`)).join(' ');
  const lines = (word: string) =>
    `git grep -n -I -i -w -F -e ${word} -- . ${not} 2>/dev/null | awk 'length < 500' | cut -c1-240 | head -n ${MOST_HITS + 1}; echo =done`;
  const each = words.map(({ text }, index) => `echo =${index}; ${lines(quote(text))}`);
  const made =
    pairs === null
      ? []
      : [
          `git grep -o -h -I -i -E -e ${quote(pairs)} -- . ${not} 2>/dev/null | awk 'length < 80' | sort | uniq -c | sort -n | head -n ${MAX_MADE} |`,
          `while read -r count name; do echo "=+$name"; ${lines('"$name"')}; done`,
        ];
  return ['git rev-parse --git-dir >/dev/null 2>&1 || exit 0', ...each, ...made].join('\n');
}

function hitsIn(output: string, words: readonly TicketWord[]): Map<string, string[]> {
  const hits = new Map<string, string[]>();
  for (const part of output.split(/^=(?=(?:\d+|\+\S+)\n)/m).slice(1)) {
    const [of = '', ...lines] = part.trimEnd().split('\n');
    const text = of.startsWith('+') ? of.slice(1) : words[Number(of)]?.text;
    if (text !== undefined && lines.at(-1) === '=done') hits.set(text, lines.slice(0, -1));
  }
  return hits;
}
