const NAME = '((?:["`]?[\\w$]+["`]?\\.)*["`]?[\\w$]+["`]?)';
const MAYBE = '(?:if\\s+(?:not\\s+)?exists\\s+)?(?:only\\s+)?';
const bare = (name: string | undefined): string => (name ?? '').replaceAll(/["`]/g, '');

type Rule = { pattern: RegExp; say: (found: RegExpExecArray) => string };

/** The most telling first: `alter table a drop column b` is about the column. */
const RULES: readonly Rule[] = [
  {
    pattern: new RegExp(
      `\\bdrop\\s+(column|table|database|schema|view|materialized\\s+view|type|constraint|index|role|user|extension|sequence|policy|tablespace)\\s+${MAYBE}${NAME}`,
      'i',
    ),
    say: ([, kind = '', name]) => `drops ${kind.toLowerCase().replaceAll(/\s+/g, ' ')} \`${bare(name)}\``,
  },
  {
    pattern: new RegExp(`\\balter\\s+table\\s+${MAYBE}${NAME}[^;]*?\\bdrop\\s+${MAYBE}${NAME}`, 'i'),
    say: ([, table, name]) => `drops \`${bare(name)}\` of \`${bare(table)}\``,
  },
  {
    pattern: new RegExp(`\\btruncate\\s+(?:table\\s+)?${MAYBE}${NAME}`, 'i'),
    say: ([, name]) => `empties table \`${bare(name)}\``,
  },
  {
    pattern: new RegExp(`\\bdelete\\s+from\\s+${MAYBE}${NAME}`, 'i'),
    say: ([, name]) => `deletes every row of \`${bare(name)}\``,
  },
  {
    pattern: new RegExp(`\\bupdate\\s+${MAYBE}${NAME}\\s+(?:(?:as\\s+)?\\w+\\s+)?set\\b`, 'i'),
    say: ([, name]) => `overwrites every row of \`${bare(name)}\``,
  },
  {
    pattern: new RegExp(`\\balter\\s+(?:column\\s+)?${NAME}\\s+(?:set\\s+data\\s+)?type\\b`, 'i'),
    say: ([, name]) => `changes the type of column \`${bare(name)}\``,
  },
  {
    pattern: new RegExp(`\\balter\\s+(?:column\\s+)?${NAME}\\s+set\\s+not\\s+null\\b`, 'i'),
    say: ([, name]) => `lets column \`${bare(name)}\` be null no more`,
  },
  {
    pattern: new RegExp(`\\badd\\s+(?:column\\s+)?${MAYBE}${NAME}\\s+[^,;]*\\bnot\\s+null\\b`, 'i'),
    say: ([, name]) => `adds column \`${bare(name)}\`, which the release before would have to fill`,
  },
  {
    pattern: new RegExp(`\\brename\\s+(?:column\\s+)?${NAME}\\s+to\\b`, 'i'),
    say: ([, name]) => `renames column \`${bare(name)}\``,
  },
  {
    pattern: new RegExp(`\\balter\\s+table\\s+${MAYBE}${NAME}\\s+rename\\s+to\\b`, 'i'),
    say: ([, name]) => `renames table \`${bare(name)}\``,
  },
];

/** What a statement would do, in words of the one who decides: `drops column `weight``; null where only its kind is known. */
export function whatItDoes(text: string): string | null {
  for (const { pattern, say } of RULES) {
    const found = pattern.exec(text);
    if (found !== null) return say(found).slice(0, 500);
  }
  return null;
}
