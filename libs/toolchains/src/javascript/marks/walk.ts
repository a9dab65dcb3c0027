import { codeOf, type Lexed } from '../lexer.ts';

// Steps over a file's code as it is meant, however it is written.

/** A token with its escapes resolved, its first line and its last; of a text, `said` is what it says. */
type Meant = { text: string; said: string | null; line: number; end: number };
export type Code = readonly Meant[];

/** Texts that are added up are one, and a template is such a sum. */
export function meant(text: string, path: string): Code {
  const all: Meant[] = [];
  for (const token of codeOf(text, path))
    for (const part of partsOf(token)) {
      const first = part.said !== null && all.at(-1)?.text === '+' ? all.at(-2) : undefined;
      if (typeof first?.said === 'string')
        all.splice(-2, 2, quoted(first.said + part.said, first.line, part.end));
      else all.push(part);
    }
  return all;
}

const quoted = (said: string, line: number, end: number) => ({ text: `'${said}'`, said, line, end });

function partsOf({ type, value, line }: Lexed): Meant[] {
  if (type.startsWith('JSXText')) return [];
  if (!/String|Template/.test(type)) return [{ text: unescaped(value), said: null, line, end: line }];
  const end = line + value.split(/\r\n|[\n\r\u2028\u2029]/).length - 1;
  const plus = { text: '+', said: null, line, end };
  const text = quoted(unescaped(value.replace(/^["'`}]|(["'`]|\$\{)$/g, '')), line, end);
  return [...(value.startsWith('}') ? [plus] : []), text, ...(value.endsWith('${') ? [plus] : [])];
}

const ESCAPED = /\\u\{([\da-f]{1,6})\}|\\u([\da-f]{4})|\\x([\da-f]{2})/gi;
const unescaped = (text: string) =>
  text.replace(ESCAPED, (_, point, unit, byte) => {
    const code = Number.parseInt(point ?? unit ?? byte, 16);
    return code > 0x10ffff ? '' : String.fromCodePoint(code);
  });

export const words = (list: string): ReadonlySet<string> => new Set(list.split(/\s+/));

export const textAt = (code: Code, i: number): string => code[i]?.text ?? '';
export const saidAt = (code: Code, i: number): string | null => code[i]?.said ?? null;
/** The word at `i`, as a name or as a text. */
export const wordAt = (code: Code, i: number): string => saidAt(code, i) ?? textAt(code, i);
const isDot = (code: Code, i: number) => textAt(code, i) === '.' || textAt(code, i) === '?.';

/** A name (null: it is computed) and the token that it ends with. */
export type Name = { name: string | null; end: number };

/** The member asked for of what ends at `i`: `.x`, `?.x`, `['x']`; not the `[]` of a type. */
export function memberOf(code: Code, i: number): Name | null {
  const bracket = textAt(code, i + 1) === '?.' ? i + 2 : i + 1;
  if (textAt(code, bracket) === '[' && textAt(code, bracket + 1) !== ']') {
    const end = closing(code, bracket);
    return { name: end === bracket + 2 ? saidAt(code, bracket + 1) : null, end };
  }
  return isDot(code, i + 1) && textAt(code, i + 2) !== '(' ? { name: textAt(code, i + 2), end: i + 2 } : null;
}

const OPENS = words('( [ {');
const CLOSES = words(') ] }');

/** Where the bracket at `i` is closed; `i` where that is far away. */
export function closing(code: Code, i: number): number {
  let depth = 0;
  for (let end = i; end < i + 100; end++) {
    if (OPENS.has(textAt(code, end))) depth++;
    if (CLOSES.has(textAt(code, end)) && --depth === 0) return end;
  }
  return i;
}

/** Where `a.b['c']` ends, the `a` of which ends at `i`. */
export function chainEnd(code: Code, i: number): number {
  let end = i;
  for (let member = memberOf(code, i); member !== null; member = memberOf(code, end)) end = member.end;
  return end;
}

/** Whether a member of what ends at `i` is set: `a.b = c`, `a['b'] ??= c`. */
export function isSet(code: Code, i: number): boolean {
  const end = chainEnd(code, i);
  return end > i && /^(=|\|\|=|&&=|\?\?=)$/.test(textAt(code, end + 1));
}

const GLOBAL = words('globalThis global');

/** The name that begins at `i`: `x`, `globalThis.x`. Null for the member of something else. */
export function nameAt(code: Code, i: number): Name | null {
  if (isDot(code, i - 1)) return null;
  const member = GLOBAL.has(textAt(code, i)) ? memberOf(code, i) : null;
  return member ?? { name: textAt(code, i), end: i };
}

/** Where the `{` of `{ a, b } = x` stands, with x at `i`; `i` where nothing is taken apart. */
export function braceBefore(code: Code, i: number): number {
  if (textAt(code, i - 1) !== '=' || textAt(code, i - 2) !== '}') return i;
  let brace = i - 3;
  while (brace > i - 200 && textAt(code, brace) !== '{') brace--;
  return brace;
}

/** The names taken by `{ a, b: c, ...rest } = x`, with x at `i`: a, b, and `...` for all that is left. */
export function takenFrom(code: Code, i: number): string[] {
  const taken: string[] = [];
  for (let key = braceBefore(code, i) + 1; key < i; key++)
    if (/^[{,]$/.test(textAt(code, key - 1)) && textAt(code, key) !== '}') taken.push(wordAt(code, key));
  return taken;
}

const LOADERS = words('require import getBuiltinModule');

/** The package or built-in module that is loaded with the text at `i`; '' where none is. */
export function moduleAt(code: Code, i: number): string {
  const [said, before, called] = [saidAt(code, i), textAt(code, i - 1), textAt(code, i - 2)];
  const loads = before === '(' ? LOADERS.has(called) : before === 'from' || before === 'import';
  if (said === null || !loads) return '';
  if (said.startsWith('data:')) return 'data:';
  const path = said.split('node_modules/').at(-1) ?? '';
  const [first = '', second] = path.replace(/^node:/, '').split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
