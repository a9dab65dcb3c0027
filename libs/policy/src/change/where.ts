// Whether a WHERE bounds anything. Not a grammar of SQL: it knows what bounds, and calls the rest unbounded, which waits for people.

/** Words and signs of a statement that count at its own level: inside of no bracket and no quote. Ends where the statement's own bracket closes. */
function* atTop(text: string, words: RegExp): Generator<{ word: string; at: number; end: number }> {
  let [depth, quote] = [0, ''];
  for (const { 0: token, index } of text.matchAll(words)) {
    if (quote !== '') quote = token === quote ? '' : quote;
    else if (token === "'" || token === '"' || token === '`') quote = token;
    else if (token === '(') depth++;
    else if (token === ')') depth--;
    else if (depth === 0) yield { word: token.toLowerCase(), at: index, end: index + token.length };
    if (depth < 0) return;
  }
}

/** The expression behind WHERE, up to what ends it; null where there is none at the statement's own level. */
function conditionOf(statement: string): string | null {
  const words =
    /[()'"`]|\b(?:where|returning|order\s{1,20}by|limit|group\s{1,20}by|on\s{1,20}conflict|union)\b/gi;
  let from: number | null = null;
  for (const { word, at, end } of atTop(statement, words)) {
    if (word === 'where') from ??= end;
    else if (from !== null) return statement.slice(from, at).trim();
  }
  if (from === null) return null;
  const rest = statement.slice(from);
  // The bracket around the whole statement (a common table expression) ends it too.
  let depth = 0;
  for (const [i, sign] of [...rest].entries()) {
    if (sign === '(') depth++;
    else if (sign === ')' && --depth < 0) return [...rest].slice(0, i).join('').trim();
  }
  return rest.trim();
}

/** Parts between a word at the top level: inside of no bracket and no quote. */
function split(text: string, word: 'or' | 'and'): string[] {
  const parts: string[] = [];
  let from = 0;
  // BETWEEN's own AND is none of ours.
  let between = false;
  for (const { word: found, at, end } of atTop(text, /[()'"`]|\b(?:or|and|between)\b/gi)) {
    if (found === 'between') between = true;
    else if (found === 'and' && between) between = false;
    else if (found === word) {
      parts.push(text.slice(from, at));
      from = end;
    }
  }
  return [...parts, text.slice(from)].map((part) => part.trim());
}

/** Without the brackets around all of it. */
function bare(text: string): string {
  let inner = text.trim();
  for (let rounds = 0; rounds < 16 && inner.startsWith('(') && inner.endsWith(')'); rounds++) {
    const cut = inner.slice(1, -1);
    let depth = 0;
    for (const sign of cut) {
      if (sign === '(') depth++;
      else if (sign === ')' && --depth < 0) return inner;
    }
    inner = cut.trim();
  }
  return inner;
}

const NAME = '(?:"[^"]+"|`[^`]+`|\\[\\w+\\]|[A-Za-z_]\\w*)';
/** A column, with a cast or a path into its JSON, or in a function that keeps values apart. */
const COLUMN = new RegExp(
  `^(?!(?:true|false|null|not|exists)\\b)(?:(?:lower|upper|trim|date)\\s*\\(\\s*)?(?:${NAME}\\.){0,3}${NAME}\\s*\\)?(?:\\s*(?:->>?|#>>?)\\s*'[^']*')*(?:::\\w+)?$`,
  'i',
);
/** A column that every row has a value in. */
const KEY = /^(?:[\w"`]+\.)?["`]?(?:id|\w*_id|\w+Id|pk|rowid|oid|ctid|uuid|_id)["`]?$/;
const ALWAYS_FILLED = /(?:created|inserted|updated)_?at["`]?$/i;

const STRING = /[nNeEbBxX]?'[^']*'/g;
/** As a driver writes it, or what a program puts into its text: `$1`, `:id`, `@id`, `?`, `%s`, `${id}`, `#{id}`, `{id}`. */
const PARAMETER = /[$#]?\{[^{}]{0,200}\}|%\(\w+\)s|%[sd]|(?<!:)[:@](?:\.\.\.)?\w+|\$\w+|\?\d*/g;
/** Words of an expression that names no column. */
const OF_VALUES =
  /\b(?:any|some|array|cast|as|lower|upper|concat|now|current_\w+|clock_timestamp|localtime\w*|getdate|sysdate|utc_timestamp|unix_timestamp|date_sub|date_add|dateadd|datetime|date|time|timestamp\w*|interval|seconds?|minutes?|hours?|days?|weeks?|months?|years?|true|false|null|int\d?|integer|bigint|text|uuid|varchar|unnest)\b/gi;

/** A parameter, a literal, or an expression of nothing else; nothing at all where a program's own value follows the text. */
const isValue = (text: string): boolean =>
  !/[\w"`=<>~!]/.test(
    text
      .replaceAll(STRING, '')
      .replaceAll(PARAMETER, '')
      .replaceAll(/::\s*\w+/g, '')
      .replaceAll(OF_VALUES, '')
      .replaceAll(/(?<!\w)\d[\d._]*\b/g, ''),
  ) &&
  // OR, in one dialect.
  (!text.includes('||') || text.includes("'"));
const isLiteral = (text: string): boolean => /^(?:[+-]?[\d._]+|[a-z]*\s*'[^']*')$/i.test(text);

const COMPARED =
  /^(.{1,400}?)\s*(@>|<@|&&|@@|!~~?\*?|~~?\*?|<=>|>=|<=|<>|!=|==|=|>|<|\bis\s+not\s+distinct\s+from\b|\bis\s+not\b|\bis\b|\bin\b|\bi?like\b|\bsimilar\s+to\b|\br(?:egexp|like)\b|\bglob\b)\s*(.{0,800})$/is;
const BETWEEN = /^(.{1,400}?)\s+between\s+(.{1,400}?)\s+and\s+(.{1,400})$/is;
const SELECT = /^(?:(?:any|some)\s*)?\(?\s*(select\b.*?)\)?$/is;

const normal = (text: string): string =>
  bare(text)
    .replaceAll(/["`\s]/g, '')
    .toLowerCase();

/** `id = id`, and `id = carts.id`: of one table, where only one of them says which. */
function sameColumn(left: string, right: string): boolean {
  const [a, b] = [normal(left), normal(right)];
  if (a === b) return true;
  return (!a.includes('.') && b.endsWith(`.${a}`)) || (!b.includes('.') && a.endsWith(`.${b}`));
}

type Compared = { left: string; sign: string; right: string };

/** A comparison with its column on the left. */
function comparedIn(text: string): Compared | null {
  const [, a = '', compared = '', b = ''] = COMPARED.exec(text) ?? [];
  const [left, right] = [bare(a), bare(b)];
  const sign = compared.toLowerCase().replaceAll(/\s+/g, ' ');
  if (!COLUMN.test(left) && isValue(left) && COLUMN.test(right))
    return { left: right, sign: sign.replace(/[<>]/, (way) => (way === '<' ? '>' : '<')), right: left };
  const columns = left.split(',').every((one) => COLUMN.test(one.trim()));
  return columns ? { left, sign, right } : null;
}

/** Some value of the column lies on the other side. A literal can be taken so that none does: of a key always, of others where it lies at an end. */
function isBound(column: string, sign: string, value: string): boolean {
  if (!isValue(value)) return false;
  if (ALWAYS_FILLED.test(column) && /^\w+(?:\(\))?$/.test(value)) return false;
  if (!isLiteral(value)) return true;
  if (KEY.test(column)) return false;
  return sign.startsWith('>')
    ? !/^(?:-\d|''|'-|'(?:0|1[0-8]|19[0-6]|1970))/.test(value) && `${sign}${value}` !== '>=0'
    : !/^(?:\d{9}|'[3-9]\d{3}-|'infinity)/.test(value);
}

/** Joins count where rows of one table are chosen by another's, and not where a statement of its own asks which rows. */
function atomBounds(text: string, joins: boolean): boolean {
  if (/^current\s+of\s/i.test(text)) return true;
  const [, asked] = /^exists\s*\(\s*(select\b.*)\)$/is.exec(text) ?? [];
  if (asked !== undefined) return split(conditionOf(asked) ?? '', 'and').some(isJoin);
  const flag = bare(text.replace(/^not\s/i, ''));
  if (COLUMN.test(flag)) return !KEY.test(flag);
  const [, column = '', low = '', high = ''] = BETWEEN.exec(text) ?? [];
  if (column !== '')
    return COLUMN.test(column) && (isBound(column, '>=', bare(low)) || isBound(column, '<=', bare(high)));
  const compared = comparedIn(text);
  if (compared === null) return false;
  const { left, sign, right } = compared;
  if (sign === 'is') return /^(?:null|true|false|unknown)$/i.test(right);
  if (sign === 'is not') return !KEY.test(left) && !ALWAYS_FILLED.test(left);
  if (/^[<>]=?$/.test(sign)) return isBound(left, sign, right);
  const [, select] = SELECT.exec(right) ?? [];
  if (select !== undefined) return /^(?:in|=)$/.test(sign) && bounds(conditionOf(select) ?? '', false);
  // A pattern without a letter or a digit fits everything.
  if (/like|similar|regexp|glob|~/.test(sign))
    return !sign.startsWith('!') && isValue(right) && (!isLiteral(right) || /[\p{L}\d]/u.test(right));
  if (/^(?:<>|!=)$/.test(sign)) return false;
  if (/\btrue\b.*\bfalse\b|\bfalse\b.*\btrue\b/is.test(right)) return false;
  const of = bare(right.replace(/^(?:any|some)\b/i, ''));
  return isValue(right) || (joins && COLUMN.test(of) && !sameColumn(left, of));
}

function isJoin(text: string): boolean {
  const compared = comparedIn(bare(text));
  return (
    compared !== null &&
    compared.sign === '=' &&
    COLUMN.test(compared.right) &&
    !sameColumn(compared.left, compared.right)
  );
}

/** Which half of all rows a condition holds, where it holds one: `+` and `-` of the same together hold all. */
function halfOf(condition: string): string | null {
  const text = bare(condition);
  const flag = bare(text.replace(/^not\s/i, ''));
  if (COLUMN.test(flag)) return `${normal(flag)} true${flag === text ? '+' : '-'}`;
  const compared = comparedIn(text);
  if (compared === null) return null;
  const { left, sign, right } = compared;
  if (/^(?:true|false)$/i.test(right)) return `${normal(left)} true${/true/i.test(right) ? '+' : '-'}`;
  if (/^is/.test(sign)) return `${normal(left)} null${sign === 'is' ? '-' : '+'}`;
  return /^[<>]/.test(sign) ? `${normal(left)} order${sign.startsWith('>') ? '+' : '-'}` : null;
}

/** Bounded: conditions nest no deeper than this where people write them. */
const DEEPEST = 8;

function bounds(condition: string, joins: boolean, depth = 0): boolean {
  const text = bare(condition);
  if (text === '' || depth > DEEPEST) return false;
  const either = split(text, 'or');
  if (either.length > 1) {
    const halves = new Set(either.map(halfOf));
    const all = [...halves].some((half) => half?.endsWith('+') && halves.has(half.replace(/\+$/, '-')));
    return !all && either.every((part) => bounds(part, joins, depth + 1));
  }
  const all = split(text, 'and');
  if (all.length > 1) return all.some((part) => bounds(part, joins, depth + 1));
  return atomBounds(text, joins);
}

/** A condition as SQL has it: without comments, escapes of the program's string, and what of the program follows that string. */
const asSql = (text: string): string =>
  /^(?:[^`"$]|\$(?!\w*\$)|`[\w$]+`|"[\w$ ]+")*/.exec(
    text.replaceAll(/--[^\n]*/g, ' ').replaceAll(/\\(?:[nrt]|(['"`]))/g, (_, quote) => quote ?? ' '),
  )?.[0] ?? '';

/** True where some AND-ed term of a condition compares a column with a value, or with another table's column; whatever else there is bounds nothing. */
export const bounding = (condition: string): boolean => bounds(asSql(condition), true);

/** True where a statement has a WHERE that bounds it. */
export function isBounded(statement: string): boolean {
  const condition = conditionOf(statement);
  return condition !== null && bounding(condition);
}
