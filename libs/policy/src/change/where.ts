// Whether a WHERE bounds anything. Not a grammar of SQL: it errs towards "no", since what it calls unbounded waits for people.

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

/** Names neither a column nor a parameter, so it is no condition of a row, whatever it says. */
const isConstant = (text: string): boolean =>
  !/[\w$:@?%]/.test(
    text
      .replaceAll(/'[^']*'|"[^"]*"/g, '')
      .replaceAll(
        /\b(?:not|true|false|null|is|in|like|ilike|between|and|or|exists|select|distinct|from)\b/gi,
        '',
      )
      .replaceAll(/\b\w+\s*\(/g, '(')
      .replaceAll(/(?<![\w$:@?])\d[\d._]*\b/g, ''),
  );
/** A column that every row has a value in. */
const KEY = /^(?:[\w"`]+\.)?["`]?(?:id|\w*_id|\w+Id|pk|rowid|oid|ctid|uuid|_id)["`]?$/;
const COMPARED =
  /^(.{1,400}?)\s*(=|==|<=>|>=|<=|<>|!=|>|<|\bis\s+not\s+distinct\s+from\b|\bis\s+not\b|\bis\b|\bnot\s+in\b|\bin\b|\bnot\s+i?like\b|\bi?like\b)\s*(.{1,800})$/is;
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

function alwaysTrueAtom(atom: string): boolean {
  const text = bare(atom);
  if (/^(?:true|not\s+false|not\s*\(\s*false\s*\)|[1-9]\d*|'[1-9t]\w*')$/i.test(text)) return true;
  if (/^exists\s*\(\s*select\s+(?:\*|\d+)\s*\)$/i.test(text)) return true;
  if (isConstant(text)) return true;
  const [, left = '', compared = '', right = ''] = COMPARED.exec(text) ?? [];
  if (left === '') return false;
  const sign = compared.toLowerCase().replaceAll(/\s+/g, ' ');
  if (sameColumn(left, right)) return /^(?:=|==|<=>|>=|<=|is not distinct from|is|i?like)$/.test(sign);
  if (/^i?like$/.test(sign)) return /^'%+'$/.test(bare(right));
  if (sign === 'in' && /^select\s/i.test(bare(right)) && !/\bwhere\b/i.test(right)) return true;
  // A length, a count or an absolute value.
  if (/^\w+\s*\(/.test(bare(left)) && /^(?:>=\s*0|>\s*-\d+)$/.test(`${sign}${bare(right)}`)) return true;
  if (!KEY.test(bare(left))) return false;
  if (sign === 'is not') return /^null$/i.test(bare(right));
  return /^(?:>|>=|<>|!=)$/.test(sign) && /^(?:-?\d|''|"")$/.test(bare(right));
}

/** Bounded: conditions nest no deeper than this where people write them. */
const DEEPEST = 8;

function alwaysTrue(condition: string, depth = 0): boolean {
  const text = bare(condition);
  if (text === '' || depth > DEEPEST) return true;
  const either = split(text, 'or');
  if (either.length > 1) return either.some((part) => alwaysTrue(part, depth + 1));
  const all = split(text, 'and');
  if (all.length > 1) return all.every((part) => alwaysTrue(part, depth + 1));
  return alwaysTrueAtom(text);
}

/** True where a statement has a WHERE, and some row might not fulfil it. */
export function isBounded(statement: string): boolean {
  const condition = conditionOf(statement);
  return condition !== null && !alwaysTrue(condition);
}
