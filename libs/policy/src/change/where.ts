// Whether a WHERE bounds anything. Not a grammar of SQL: it errs towards "no", since what it calls unbounded waits for people.

/** The expression behind WHERE, up to what ends it; null where there is none. */
function conditionOf(statement: string): string | null {
  const where = /\bwhere\b/i.exec(statement);
  if (where === null) return null;
  const rest = statement.slice(where.index + where[0].length);
  const end = /\b(?:returning|order\s+by|limit|group\s+by|on\s+conflict|union)\b/i.exec(rest);
  return (end === null ? rest : rest.slice(0, end.index)).trim();
}

/** Parts between a word at the top level: inside of no bracket and no quote. */
function split(text: string, word: 'or' | 'and'): string[] {
  const parts: string[] = [];
  let [depth, from, quote] = [0, 0, ''];
  // BETWEEN's own AND is none of ours.
  let between = false;
  for (const { 0: token, index } of text.matchAll(/[()'"`]|\b(?:or|and|between)\b/gi)) {
    const name = token.toLowerCase();
    if (quote !== '') quote = token === quote ? '' : quote;
    else if (token === "'" || token === '"' || token === '`') quote = token;
    else if (token === '(') depth++;
    else if (token === ')') depth--;
    else if (depth !== 0) continue;
    else if (name === 'between') between = true;
    else if (name === 'and' && between) between = false;
    else if (name === word) {
      parts.push(text.slice(from, index));
      from = index + token.length;
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

const CONSTANT = /^(?:[-+]?\d[\d._]*|'[^']*'|"[^"]*"|true|false|null)$/i;
/** A column that every row has a value in. */
const KEY = /^(?:[\w"`]+\.)?["`]?(?:id|\w*_id|\w+Id|pk|rowid|oid|ctid|uuid|_id)["`]?$/;
const COMPARED =
  /^(.{1,400}?)\s*(=|==|<=>|>=|<=|<>|!=|>|<|\bis\s+not\s+distinct\s+from\b|\bis\s+not\b|\bis\b|\bnot\s+in\b|\bin\b|\bnot\s+i?like\b|\bi?like\b)\s*(.{1,800})$/is;
const normal = (text: string): string =>
  bare(text)
    .replaceAll(/["`\s]/g, '')
    .toLowerCase();

function alwaysTrueAtom(atom: string): boolean {
  const text = bare(atom);
  if (/^(?:true|not\s+false|not\s*\(\s*false\s*\)|[1-9]\d*|'[1-9t]\w*')$/i.test(text)) return true;
  if (/^exists\s*\(\s*select\s+(?:\*|\d+)\s*\)$/i.test(text)) return true;
  const [, left = '', compared = '', right = ''] = COMPARED.exec(text) ?? [];
  if (left === '') return false;
  const sign = compared.toLowerCase().replaceAll(/\s+/g, ' ');
  // Two constants are no condition of a row, whatever they say.
  if (CONSTANT.test(bare(left)) && CONSTANT.test(bare(right))) return true;
  if (normal(left) === normal(right)) return /^(?:=|==|<=>|>=|<=|is not distinct from|is|i?like)$/.test(sign);
  if (/^i?like$/.test(sign)) return /^'%+'$/.test(bare(right));
  if (sign === 'in' && /^select\s/i.test(bare(right)) && !/\bwhere\b/i.test(right)) return true;
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
