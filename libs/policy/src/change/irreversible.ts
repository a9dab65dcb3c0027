import type { Irreversible } from './act.ts';
import { removedEndpoints } from './endpoints.ts';
import type { PatchFile, PatchLine } from './patch.ts';
import { whatItDoes } from './what.ts';

// What expands a schema (a new table, a column that may be null or has a default, an index) is not here: the release before goes on
// working with it, so that undo is traffic-back alone. What contracts it, or what the release before could not write to, is.

const STATEMENTS: readonly { name: string; pattern: RegExp }[] = [
  {
    name: 'DROP',
    pattern:
      /\bdrop\s+(table|column|database|schema|view|materialized\s+view|type|constraint|index|role|user|extension|sequence|owned|policy|tablespace)\b/i,
  },
  { name: 'ALTER … DROP', pattern: /\balter\s+table\b[^;]*\bdrop\b/i },
  { name: 'TRUNCATE', pattern: /\btruncate\s+(table\b|only\b)|\bTRUNCATE\s+["`\w]/ },
  { name: 'TRUNCATE', pattern: /\btruncate\s+table\b/i },
  // A type changed in place may lose what does not fit; which changes widen cannot be told without the old type.
  {
    name: 'ALTER … TYPE',
    pattern: /\balter\s+(column\s+)?["`\w]+\s+(set\s+data\s+)?type\b|\b(modify|change)\s+column\b/i,
  },
  { name: 'RENAME', pattern: /\balter\s+table\b[^;]*\brename\b/i },
  { name: 'SET NOT NULL', pattern: /\balter\s+(column\s+)?["`\w]+\s+set\s+not\s+null\b/i },
  { name: 'drizzle-kit push', pattern: /\bdrizzle-kit\s+push\b/i },
  { name: 'prisma db push or migrate reset', pattern: /\bprisma\s+(db\s+push|migrate\s+reset)\b/i },
  {
    name: 'dropTable or dropColumn',
    pattern: /\bdrop(Table|Column|Schema|Database|Collection)(IfExists)?\s*\(|\bdropdb\b/,
  },
  { name: 'delete of everything', pattern: /\bdelete(Many|All)\s*\(\s*(\{\s*\})?\s*\)/ },
  {
    name: 'force-push',
    pattern:
      /\bgit\b.*\bpush\b.*\s(--force\b|--force-with-lease\b|-[a-z]*f[a-z]*\b|--mirror\b|--delete\b|\+[\w/]+)/,
  },
  { name: 'rm -rf', pattern: /\brm\s+(-\w+\s+)*-(\w*r\w*f|\w*f\w*r)\w*\s+(--\s+)?["']?(\/|~|\$|\*)/ },
  {
    name: 'volume removed',
    pattern:
      /\bdocker\s+(volume\s+(rm|prune)|system\s+prune)\b|\bdocker[ -]compose\b.*\bdown\b.*\s(-v|--volumes)\b/,
  },
  { name: 'FLUSHALL or FLUSHDB', pattern: /\bflush(all|db)\b/i },
  {
    name: 'cluster or cloud resource deleted',
    pattern: /\bkubectl\s+delete\b|\bterraform\s+destroy\b|\baws\s+s3\s+(rb\b|rm\b.*--recursive)/,
  },
  { name: 'file system made or overwritten', pattern: /\bmkfs(\.\w+)?\s|\bdd\b.*\bof=\/dev\// },
];

/** A statement that begins on an added line and runs on to the next `;` or the end of its string, 12 lines at most. */
function begun(hunk: readonly PatchLine[], start: RegExp): { line: number; text: string }[] {
  const after = hunk.filter((line) => line.kind !== 'removed');
  return after.flatMap((line, index) => {
    const at = line.kind === 'added' ? line.text.search(start) : -1;
    if (at < 0) return [];
    const rest = [line.text.slice(at), ...after.slice(index + 1, index + 12).map((next) => next.text)].join(
      '\n',
    );
    const statement = /^[^;]*/.exec(rest)?.[0] ?? rest;
    const closed = statement.search(/["'`]\s*[,)]/);
    return [{ line: line.line, text: closed < 0 ? statement : statement.slice(0, closed) }];
  });
}

/** Without a WHERE, a DELETE empties the table. */
const deletesWithoutWhere = (path: string, hunk: readonly PatchLine[]): Irreversible[] =>
  begun(hunk, /\bdelete\s+from\b/i)
    .filter(({ text }) => !/\bwhere\b/i.test(text))
    .map(({ line, text }) => told({ path, line, statement: 'DELETE without WHERE' }, text));

/** A column that must be filled and has no default: the release before does not know it, and its INSERTs fail. */
const mustBeFilled = (path: string, hunk: readonly PatchLine[]): Irreversible[] =>
  begun(hunk, /\badd\s+column\b/i)
    .map(({ line, text }) => ({ line, text: text.split(/,(?![^(]*\))/)[0] ?? text }))
    .filter(({ text }) => /\bnot\s+null\b/i.test(text) && !/\bdefault\b|\bgenerated\b/i.test(text))
    .map(({ line, text }) => told({ path, line, statement: 'ADD COLUMN … NOT NULL without DEFAULT' }, text));

function told(found: Irreversible, text: string): Irreversible {
  const what = whatItDoes(text);
  return what === null ? found : { ...found, what };
}

/** A statement may be broken over lines: each added line is read together with the one after it, and reported once. */
function statementsIn(path: string, hunk: readonly PatchLine[]): Irreversible[] {
  const after = hunk.filter((line) => line.kind !== 'removed');
  const found: Irreversible[] = [];
  for (const [index, line] of after.entries()) {
    const next = after[index + 1];
    for (const { name, pattern } of STATEMENTS) {
      const alone = line.kind === 'added' && pattern.test(line.text);
      const broken =
        !alone &&
        next !== undefined &&
        (line.kind === 'added' || next.kind === 'added') &&
        pattern.test(`${line.text} ${next.text}`) &&
        !pattern.test(next.text) &&
        !pattern.test(line.text);
      if (alone || broken)
        found.push(
          told({ path, line: line.line, statement: name }, alone ? line.text : `${line.text} ${next?.text}`),
        );
    }
  }
  return found;
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
  const statements = read.flatMap(({ path, hunks }) =>
    hunks.flatMap((hunk) => [
      ...statementsIn(path, hunk),
      ...deletesWithoutWhere(path, hunk),
      ...mustBeFilled(path, hunk),
    ]),
  );
  return [...statements, ...removedEndpoints(read)];
}
