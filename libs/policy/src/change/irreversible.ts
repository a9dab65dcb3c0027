import type { Irreversible } from './act.ts';
import { removedEndpoints } from './endpoints.ts';
import { lineIndex, type PatchFile, type PatchLine } from './patch.ts';
import { whatItDoes } from './what.ts';

// What expands a schema (a new table, a column that may be null or has a default, an index) is not here: the release before goes on
// working with it, so that undo is traffic-back alone. What contracts it, or what the release before could not write to, is.

// Every span is bounded: a patch is whatever an agent wrote, a line of megabytes too.
const STATEMENTS: readonly { name: string; pattern: RegExp }[] = [
  {
    name: 'DROP',
    pattern:
      /\bdrop\s+(table|column|database|schema|view|materialized\s+view|type|constraint|index|role|user|extension|sequence|owned|policy|tablespace)\b/gi,
  },
  { name: 'ALTER … DROP', pattern: /\balter\s+table\b[^;]{0,400}?\bdrop\b/gi },
  // In any case where a statement may begin, and with TABLE or ONLY; elsewhere in capitals, since `truncate` is a word of prose too.
  { name: 'TRUNCATE', pattern: /(?:^|[;"'`])[ \t]*truncate\s+["`\w]|\btruncate\s+(table|only)\b/gim },
  { name: 'TRUNCATE', pattern: /\bTRUNCATE\s+["`\w]/g },
  // A type changed in place may lose what does not fit; which changes widen cannot be told without the old type.
  {
    name: 'ALTER … TYPE',
    pattern:
      /\balter\s+(column\s+)?["`\w]+\s+(set\s+data\s+)?type\b|\b(modify|change)\s+column\b|\balter\s+table\b[^;]{0,400}?\b(modify|change)\s+["`\w]/gi,
  },
  { name: 'RENAME', pattern: /\balter\s+table\b[^;]{0,400}?\brename\b/gi },
  { name: 'SET NOT NULL', pattern: /\balter\s+(column\s+)?["`\w]+\s+set\s+not\s+null\b/gi },
  { name: 'drizzle-kit push', pattern: /\bdrizzle-kit\s+push\b/gi },
  { name: 'prisma db push or migrate reset', pattern: /\bprisma\s+(db\s+push|migrate\s+reset)\b/gi },
  {
    name: 'dropTable or dropColumn',
    pattern: /\bdrop(Table|Column|Schema|Database|Collection)(IfExists)?\s*\(|\bdropdb\b/g,
  },
  {
    name: 'delete of everything',
    pattern:
      /\bdelete(Many|All)\s*\(\s*(\{\s*\})?\s*\)|\b(db|tx|trx|database)\s*\.\s*delete\s*\(\s*[\w.]+\s*\)(?!\s*\.)/g,
  },
  {
    name: 'force-push',
    pattern:
      /\bgit\s+(?:-\S+\s+(?:[^-\s]\S*\s+)?){0,4}push\b(?:[ \t]+[^\s;|&]+){0,8}?[ \t]+(--force\b|--force-with-lease\b|-[a-z]*f[a-z]*\b|--mirror\b|--delete\b|\+[\w/]+)|["'`]push["'`]\s*,[^\]]{0,200}?["'`](--force\b|--force-with-lease\b|-f\b|--mirror\b|--delete\b|\+[\w/]+)/g,
  },
  {
    name: 'rm -rf',
    pattern:
      /\brm(?=[^;|&\n]{0,200}?\s-(\w*r|-recursive\b))(?=[^;|&\n]{0,200}?\s-(\w*f|-force\b))\s+((-\w+|--[\w-]*)\s+){1,20}["']?(\/|~|\$|\*)|\bfind\s[^|;\n]{0,400}?\s-delete\b/gi,
  },
  {
    name: 'volume removed',
    pattern:
      /\bdocker\s+(volume\s+(rm|prune)|system\s+prune)\b|\bdocker[ -]compose\b.{0,200}?\bdown\b.{0,200}?\s(-v|--volumes)\b/g,
  },
  { name: 'FLUSHALL or FLUSHDB', pattern: /\bflush(all|db)\b/gi },
  {
    name: 'cluster or cloud resource deleted',
    pattern: /\bkubectl\s+delete\b|\bterraform\s+destroy\b|\baws\s+s3\s+(rb\b|rm\b.{0,200}?--recursive)/g,
  },
  { name: 'file system made or overwritten', pattern: /\bmkfs(\.\w+)?\s|\bdd\b.{0,200}?\bof=\/dev\//g },
];

/** Of a statement's text, from where it begins. */
const STATEMENT_MAX = 1_500;

/** Where in the text a statement begins whose match touches an added line: statements run over lines, and a change may add any part. */
function* touched(
  lines: readonly PatchLine[],
  text: string,
  pattern: RegExp,
): Generator<{ line: number; text: string }> {
  const indexOf = lineIndex(lines);
  for (const match of text.matchAll(pattern)) {
    const first = indexOf(match.index);
    const over = lines.slice(first, first + match[0].split('\n').length);
    const added = over.find((line) => line.kind === 'added');
    if (added === undefined) continue;
    const rest = text.slice(match.index, match.index + STATEMENT_MAX);
    yield { line: added.line, text: /^[;"'`]?[^;]*/.exec(rest)?.[0] ?? rest };
  }
}

const blank = (comment: string) => comment.replaceAll(/[^\n]/g, ' ');

/** By searching on, and not by a pattern: a thousand openings without an end would be looked through a thousand times. */
function withoutBlockComments(text: string): string {
  const kept: string[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf('/*', at);
    const close = open < 0 ? -1 : text.indexOf('*/', open + 2);
    if (close < 0) return kept.join('') + text.slice(at);
    kept.push(text.slice(at, open), blank(text.slice(open, close + 2)));
    at = close + 2;
  }
}

/** The lines as one text, as it stands and without comments: what a comment hides or pretends is looked for in both. */
function readings(path: string, lines: readonly PatchLine[]): string[] {
  const text = lines.map((line) => line.text).join('\n');
  const block = withoutBlockComments(text);
  const bare = path.endsWith('.sql') ? block.replaceAll(/--[^\n]*/g, blank) : block;
  return bare === text ? [text] : [text, bare];
}

/** A WHERE that every row fulfils is none. */
const bounded = (text: string) => /\bwhere\b(?!\s+(true|1\s*=\s*1)\s*$)/i.test(text);

/** The end of the string that a statement stands in, for languages that write it in one. */
function withinString(text: string): string {
  const closed = text.search(/["'`]\s*[,)]/);
  return closed < 0 ? text : text.slice(0, closed);
}

function told(path: string, line: number, statement: string, text: string): Irreversible {
  const what = whatItDoes(text);
  return what === null ? { path, line, statement } : { path, line, statement, what };
}

function statementsIn(path: string, hunk: readonly PatchLine[]): Irreversible[] {
  const lines = hunk.filter((line) => line.kind !== 'removed');
  const found = new Map<string, Irreversible>();
  const add = (line: number, statement: string, text: string) => {
    const key = `${line} ${statement}`;
    if (!found.has(key)) found.set(key, told(path, line, statement, text));
  };
  for (const text of readings(path, lines)) {
    for (const { name, pattern } of STATEMENTS)
      for (const at of touched(lines, text, pattern)) add(at.line, name, at.text);
    // Without a WHERE, a DELETE empties the table.
    for (const at of touched(lines, text, /\bdelete\s+from\b/gi)) {
      const statement = withinString(at.text);
      if (!bounded(statement)) add(at.line, 'DELETE without WHERE', statement);
    }
    // A column that must be filled and has no default: the release before does not know it, and its INSERTs fail.
    for (const at of touched(lines, text, /\badd\s+column\b/gi)) {
      const column = withinString(at.text.slice(0, 300)).split(/,(?![^(]*\))/)[0] ?? '';
      if (/\bnot\s+null\b/i.test(column) && !/\bdefault\b|\bgenerated\b/i.test(column))
        add(at.line, 'ADD COLUMN … NOT NULL without DEFAULT', column);
    }
  }
  return [...found.values()];
}

/**
 * What an added line would do that cannot be taken back, and the public endpoints that are gone. Reads text, not a grammar: it errs towards finding too much, since what it
 * finds waits for two people and what it misses ships. Documents are not read (`skip`): nothing runs them.
 */
export function findIrreversible(
  files: readonly PatchFile[],
  skip: (path: string) => boolean,
): Irreversible[] {
  const read = files.filter((file) => !skip(file.path));
  const statements = read.flatMap(({ path, hunks }) => hunks.flatMap((hunk) => statementsIn(path, hunk)));
  return [...statements, ...removedEndpoints(read)];
}
