import jsTokens from 'js-tokens';
import { isSource, isTest } from './configuration.ts';
import { codeOf, type Lexed } from './lexer.ts';

// Whether lines that two sides add at one place mean the same in whichever order they stand. That is so of what only declares: imports, functions,
// classes, constants, members, entries of a list, tests. It is not so of statements that do something: their order says something, and a `return` of
// one side would end the other's. What cannot be told is not so. Both sides may still want different things of the whole: its tests and its review say.

type Place = 'statements' | 'members' | 'keys' | 'entries';

const OPENS: ReadonlySet<string> = new Set(['(', '[', '{']);
const CLOSES: ReadonlySet<string> = new Set([')', ']', '}']);
const DECLARES = new Set(
  'import export function async class interface type enum const abstract declare'.split(' '),
);
/** Words of an import or export that name nothing. */
const BETWEEN = new Set(['from', 'as', 'type', 'default', 'import', 'export']);
const REGISTERS = new Set(['test', 'it', 'describe', 'suite', 'context', 'specify']);
const MODIFIERS = new Set(
  'static async get set public private protected readonly override declare abstract accessor'.split(' '),
);
/** After these a statement goes on, whatever line the next token stands on. */
const GOES_ON = new Set(
  '= + - * / % & | ^ ! ~ < > ? : , . ( [ { => && || ?? ?. ... == === != !== <= >= extends implements from of in as typeof await new'.split(
    ' ',
  ),
);
/** What begins with these goes on with the line before. */
const CONTINUES = new Set(
  '= + - * / % & | ^ < > ? : , . ; ) ] } => && || ?? ?. == === != !== <= >= extends implements from of in as else catch finally while'.split(
    ' ',
  ),
);

/** See `Toolchain.independent`. */
export function independent(path: string, before: string, ours: string, theirs: string): boolean {
  const place = isSource(path) && isWhole(before, path) ? placeOf(codeOf(before, path)) : null;
  if (place === null) return false;
  const [own, other] = [ours, theirs].map((text) =>
    isWhole(text, path) ? namesIn(place, codeOf(text, path), isTest(path)) : null,
  );
  return own != null && other != null && [...own].every((name) => !other.has(name));
}

/** No token of it, as a comment or a text over several lines, goes on behind its end. */
function isWhole(text: string, path: string): boolean {
  for (const token of jsTokens(text, { jsx: /\.[jt]sx$/.test(path) }))
    if ('closed' in token && !token.closed) return false;
  return true;
}

/** What stands around the place behind this code; null where it cannot be told. */
function placeOf(code: readonly Lexed[]): Place | null {
  const open: number[] = [];
  for (const [index, { type, value }] of code.entries()) {
    if (/^(JSX|Template(Head|Middle|Tail))/.test(type)) return null;
    if (type !== 'Punctuator') continue;
    if (OPENS.has(value)) open.push(index);
    else if (CLOSES.has(value)) open.pop();
  }
  const at = open.at(-1);
  if (at === undefined) return 'statements';
  const listed = [',', code[at]?.value].includes(code.at(-1)?.value);
  if (code[at]?.value === '[') return listed ? 'entries' : null;
  if (code[at]?.value !== '{') return null;
  const front = code[at - 1]?.value ?? '';
  if (front === ')' || front === '=>') return 'statements';
  const begins = code.slice(0, at).findLastIndex(({ value }) => [';', '{', '}'].includes(value));
  if (code.slice(begins + 1, at).some(({ value }) => value === 'class')) return 'members';
  return listed && ['=', '(', ':', ',', '[', '?', 'return', 'default'].includes(front) ? 'keys' : null;
}

/** What lines declare there, by name; null where they do something else, or are not whole in themselves. */
function namesIn(place: Place, code: readonly Lexed[], inTests: boolean): Set<string> | null {
  const parts = partsOf(code, place === 'keys' || place === 'entries');
  if (parts === null || parts.length === 0) return null;
  const names = new Set<string>();
  for (const part of parts) {
    const own =
      place === 'entries' ? [] : place === 'statements' ? ofStatement(part, inTests) : ofMember(part);
    if (own === null) return null;
    for (const name of own) names.add(name);
  }
  return names;
}

/** Their statements, members or, `listed`, entries. The last entry ends with its comma, so that one may follow. */
function partsOf(code: readonly Lexed[], listed: boolean): Lexed[][] | null {
  const parts: Lexed[][] = [[]];
  let depth = 0;
  for (const [index, token] of code.entries()) {
    const before = code[index - 1];
    const anew = depth === 0 && before !== undefined && before.line !== token.line;
    if (!listed && anew && !GOES_ON.has(before.value) && !CONTINUES.has(token.value)) parts.push([]);
    if (token.type === 'TemplateHead' || (token.type === 'Punctuator' && OPENS.has(token.value))) depth += 1;
    if (token.type === 'TemplateTail' || (token.type === 'Punctuator' && CLOSES.has(token.value))) depth -= 1;
    if (depth < 0) return null;
    if (depth === 0 && token.value === (listed ? ',' : ';')) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  const ended = depth === 0 && (!listed || parts.at(-1)?.length === 0);
  return ended ? parts.filter((part) => part.length > 0) : null;
}

const wordsOf = (part: readonly Lexed[]): string[] =>
  part.filter(({ type }) => type === 'IdentifierName').map(({ value }) => value);

function ofStatement(part: readonly Lexed[], inTests: boolean): string[] | null {
  const [first = '', second = '', third = '', fourth = ''] = part.map(({ value }) => value);
  if (first === 'exports' && second === '.' && fourth === '=') return [third];
  if (inTests && REGISTERS.has(first) && ['(', '.'].includes(second)) {
    const title = part.find(({ type }) => type === 'StringLiteral');
    return title === undefined ? null : [`"${title.value.slice(1, -1)}"`];
  }
  if (!DECLARES.has(first)) return null;
  if (first === 'export' && second === '*') return null;
  if (first === 'import' || (first === 'export' && second === '{')) {
    const names = wordsOf(part).filter((word) => !BETWEEN.has(word));
    // One for its effect alone, or an expression.
    return names.length === 0 || second === '(' || second === '.' ? null : names;
  }
  const at = part.findIndex(({ type, value }) => type === 'IdentifierName' && !DECLARES.has(value));
  const name = part[at]?.value;
  if (name === undefined || name === 'default') return null;
  const pattern = part.slice(0, at).some(({ value }) => value === '{' || value === '[');
  return pattern ? ofPattern(part) : [name];
}

/** `const { a, b: [c] } = …` */
function ofPattern(part: readonly Lexed[]): string[] | null {
  const is = part.findIndex(({ value }) => value === '=');
  return is < 0 ? null : wordsOf(part.slice(1, is));
}

function ofMember(part: readonly Lexed[]): string[] | null {
  const name = part.find(
    ({ type, value }) => value !== '*' && !(type === 'IdentifierName' && MODIFIERS.has(value)),
  );
  switch (name?.type) {
    case 'IdentifierName':
    case 'PrivateIdentifier':
    case 'NumericLiteral':
      return [name.value];
    case 'StringLiteral':
      return [name.value.slice(1, -1)];
    default:
      return null;
  }
}
