import { posix } from 'node:path';
import type { Ticket } from '@millwright/domain';

// Where a planner begins: the repository's files by folder, and where the ticket's words stand in them. Bounded, in tokens as they are counted
// elsewhere (four characters each). Pure; who looks the words up is the runner.

const chars = (tokens: number): number => tokens * 4;

/** How much of a list is shown, from everything down: names a folder, folders below one another. The first that fits is taken. */
const STEPS: readonly (readonly [names: number, depth: number])[] = [
  ...[Number.POSITIVE_INFINITY, 20, 8, 3, 0].map((names) => [names, Number.POSITIVE_INFINITY] as const),
  ...[4, 3, 2, 1].map((depth) => [0, depth] as const),
];

/** The files, a folder a line, within `tokens`: of many, some names and how many there are; of very many, folders alone. */
export function fileList(paths: readonly string[], tokens: number): string {
  let text = '';
  for (const [names, depth] of STEPS) {
    text = listed(paths, names, depth);
    if (text.length <= chars(tokens)) return text;
  }
  const lines = text.slice(0, chars(tokens) - 40).split('\n');
  return [...lines.slice(0, -1), `… and ${text.split('\n').length - lines.length + 1} folders more`].join(
    '\n',
  );
}

function listed(paths: readonly string[], names: number, depth: number): string {
  const folders = Map.groupBy(paths, (path) => posix.dirname(path).split('/').slice(0, depth).join('/'));
  return [...folders.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([folder, files]) => {
      const shown = files.slice(0, names).map((path) => posix.basename(path));
      const left = files.length - shown.length;
      const more = left === 0 ? [] : [shown.length === 0 ? `${left} files` : `${left} more`];
      return `${folder}/: ${[...shown, ...more].join(', ')}`;
    })
    .join('\n');
}

/** `name`: it looks like one of the code (quoted as code, in camel case, with an underscore or two hyphens, dotted, called), not like a word of the language. */
export type TicketWord = { text: string; name: boolean };

const MAX_WORDS = 24;
const WORD = /--[a-z][\w-]*|[A-Za-z_$][\w$]*(?:[./-][\w$]+)*\(?/g;
const SHAPED = /[a-z][A-Z]|[A-Z]{2}[a-z]|_|[\w$][./][\w$]|^--|\w-\w+-\w|\($/;
const COMMON = new Set(
  'about after before because between could every other should there these thing where which while without would'.split(
    ' ',
  ),
);

/** Of no name. */
const FILLERS = new Set([
  ...COMMON,
  ...'the and for are was has have not with that this from into its than then they them what when but all any can does one two too'.split(
    ' ',
  ),
]);

/** What is worth looking for, names first, then long words. */
export function ticketWords({
  title,
  body,
  acceptance,
}: Pick<Ticket, 'title' | 'body' | 'acceptance'>): TicketWord[] {
  const found = new Map<string, TicketWord>();
  const take = (text: string, quoted: boolean) => {
    for (const [word] of text.matchAll(WORD)) {
      const plain = word.replace(/\($/, '');
      const key = plain.toLowerCase();
      const name = quoted || SHAPED.test(word);
      if (plain.length < (name ? 3 : 5) || plain.length > 80 || COMMON.has(key) || /^[ie]\.[eg]$/.test(key))
        continue;
      if (found.get(key)?.name !== true) found.set(key, { text: plain, name });
    }
  };
  for (const text of [title, ...acceptance, body]) {
    // What stands between backticks on one line is a name; a block of code has names among much else.
    const parts = text.split(/`+/);
    for (const [index, part] of parts.entries())
      take(part, index % 2 === 1 && index < parts.length - 1 && !part.includes('\n'));
  }
  const names = [...found.values()].filter(({ name }) => name);
  const words = [...found.values()].filter(({ name }) => !name).sort((a, b) => b.text.length - a.text.length);
  return [...names, ...words].slice(0, MAX_WORDS);
}

const MAX_PAIRS = 60;

/**
 * Words that stand side by side in a ticket's prose, as a pattern (extended, any case) of names that are made of both: of "dot segments" it finds
 * `removeDotSegments` and `dot_segment`. Null where there are none.
 */
export function pairPattern({
  title,
  body,
  acceptance,
}: Pick<Ticket, 'title' | 'body' | 'acceptance'>): string | null {
  const pairs = new Set<string>();
  for (const text of [title, ...acceptance, body.replace(/```[\s\S]*?```/g, '')])
    for (const sentence of text.toLowerCase().split(/[^a-z\s]+/)) {
      const words = sentence.split(/\s+/);
      for (const [index, word] of words.entries()) {
        const next = words[index + 1] ?? '';
        const both = word.length > 2 && next.length > 2 && !FILLERS.has(word) && !FILLERS.has(next);
        if (both) pairs.add(`${word}[_-]?${next.replace(/s$/, '')}`);
      }
    }
  return pairs.size === 0 ? null : `[a-z0-9_$-]*(${[...pairs].slice(0, MAX_PAIRS).join('|')})[a-z0-9_$-]*`;
}

/** Hits of one word that are looked for: who has more is everywhere. */
export const MOST_HITS = 40;
/** A word of the language that stands oftener says nothing. */
const RARE = 8;
/** So many names that stand somewhere are enough to begin with: words of the language are noise beside them. */
const ENOUGH = 2;
/** Lines of a name or a word, and of those from one file. */
const SHOWN = { name: 12, word: 6 };
const OF_A_FILE = { name: 4, word: 2 };
const PROSE = /\.(?:md|txt|rst|adoc)$/i;
const TESTS = /(?:^|\/)(?:tests?|specs?|__tests__)\/|[.-](?:test|spec)(?:-d)?\.\w+$|^test\.\w+$/i;
const PAST = /(?:^|\/)(?:changelog|changes|history)\b/i;

/**
 * Where the words stand, within `tokens`: names, the rarest first, and words of the language where there are few of those. `hits`: `path:line:text` as grep has it, MOST_HITS + 1 of a word at most; a word that is
 * absent was not looked for.
 */
export function hitList(
  words: readonly TicketWord[],
  hits: ReadonlyMap<string, readonly string[]>,
  tokens: number,
): string {
  const known = (word: TicketWord) => hits.get(word.text)?.length ?? 0;
  const enough =
    words.filter((word) => word.name && known(word) > 0 && known(word) <= MOST_HITS).length >= ENOUGH;
  const looked = words.flatMap(({ text, name }) => {
    const all = hits.get(text);
    const dull = !name && (enough || all?.length === 0 || (all?.length ?? 0) > RARE);
    return all === undefined || dull ? [] : [{ text, name, all }];
  });
  const naming = (what: string, of: typeof looked) =>
    of.length === 0 ? [] : [`${what}: ${of.map(({ text }) => text).join(', ')}`];
  const blocks = [
    ...naming(
      'nowhere',
      looked.filter(({ all }) => all.length === 0),
    ),
    ...naming(
      `more than ${MOST_HITS} times`,
      looked.filter(({ all }) => all.length > MOST_HITS),
    ),
  ];
  const said = new Set<string>();
  for (const { text, name, all } of looked.toSorted(
    (a, b) => Number(b.name) - Number(a.name) || a.all.length - b.all.length,
  )) {
    const kind = name ? 'name' : 'word';
    const lines =
      all.length > MOST_HITS
        ? []
        : chosen(
            all.filter((line) => !said.has(line)),
            kind,
          );
    if (lines.length === 0) continue;
    for (const line of lines) said.add(line);
    const count = all.length > lines.length ? `${lines.length} of ${all.length}` : `${lines.length}`;
    blocks.push([`${text} (${count})`, ...lines.map(short)].join('\n'));
  }
  let left = chars(tokens);
  return blocks
    .filter((block) => {
      const fits = block.length + 1 <= left;
      if (fits) left -= block.length + 1;
      return fits;
    })
    .join('\n');
}

/** Code before prose, prose before tests, a changelog last, and not all from one file. */
function chosen(hits: readonly string[], kind: keyof typeof SHOWN): string[] {
  const pathOf = (line: string) => line.split(':', 1)[0] ?? '';
  const seen = new Map<string, number>();
  const spread = hits.filter((line) => {
    const before = seen.get(pathOf(line)) ?? 0;
    seen.set(pathOf(line), before + 1);
    return before < OF_A_FILE[kind];
  });
  const rank = (line: string) => {
    const path = pathOf(line);
    return PAST.test(path) ? 3 : TESTS.test(path) ? 2 : PROSE.test(path) ? 1 : 0;
  };
  return spread.toSorted((a, b) => rank(a) - rank(b)).slice(0, SHOWN[kind]);
}

const short = (line: string): string => {
  const text = line.replace(/^([^:]*:\d+:)\s*/, '$1 ').trimEnd();
  return text.length > 140 ? `${text.slice(0, 139)}…` : text;
};
