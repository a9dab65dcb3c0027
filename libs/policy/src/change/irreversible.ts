import type { PatchFile, PatchLine } from './patch.ts';

export type Irreversible = { path: string; line: number; statement: string };

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

/** A DELETE runs on to the next `;` or the end of its string; without a WHERE by then it empties the table. */
function deletesWithoutWhere(path: string, hunk: readonly PatchLine[]): Irreversible[] {
  const after = hunk.filter((line) => line.kind !== 'removed');
  return after.flatMap((line, index) => {
    if (line.kind !== 'added') return [];
    const start = line.text.search(/\bdelete\s+from\b/i);
    if (start < 0) return [];
    const rest = [
      line.text.slice(start),
      ...after.slice(index + 1, index + 12).map((next) => next.text),
    ].join('\n');
    const statement = /^[^;]*/.exec(rest)?.[0] ?? rest;
    const closed = statement.search(/["'`]\s*[,)]/);
    if (/\bwhere\b/i.test(closed < 0 ? statement : statement.slice(0, closed))) return [];
    return [{ path, line: line.line, statement: 'DELETE without WHERE' }];
  });
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
      if (alone || broken) found.push({ path, line: line.line, statement: name });
    }
  }
  return found;
}

/**
 * What an added line would do that cannot be taken back. Reads text, not a grammar: it errs towards finding too much, since what it
 * finds waits for two people and what it misses ships. Documents are not read (`skip`): nothing runs them.
 */
export function findIrreversible(
  files: readonly PatchFile[],
  skip: (path: string) => boolean,
): Irreversible[] {
  return files
    .filter((file) => !skip(file.path))
    .flatMap((file) =>
      file.hunks.flatMap((hunk) => [
        ...statementsIn(file.path, hunk),
        ...deletesWithoutWhere(file.path, hunk),
      ]),
    );
}
