import jsTokens, { type JSXToken, type Token } from 'js-tokens';

// Lines of a source file as a lexer sees them. js-tokens takes any text, JSX included, and fails on none.

const LINES = /\r\n|[\n\r\u2028\u2029]/;

export type Lexed = (Token | JSXToken) & { line: number; at: number };

/** Tokens with the line (from 1) and the offset at which each begins. */
export function lex(text: string, path: string): Lexed[] {
  const tokens: Lexed[] = [];
  let line = 1;
  let at = 0;
  for (const token of jsTokens(text, { jsx: /\.[jt]sx$/.test(path) })) {
    tokens.push({ ...token, line, at });
    at += token.value.length;
    line += token.value.split(LINES).length - 1;
  }
  return tokens;
}

/** The numbers of the lines of `after` that `before` does not have. */
export function newLines(before: string | null, after: string): ReadonlySet<number> {
  const old = new Map<string, number>();
  for (const line of (before ?? '').split(LINES)) old.set(line.trim(), (old.get(line.trim()) ?? 0) + 1);
  const numbers = new Set<number>();
  for (const [index, line] of after.split(LINES).entries()) {
    const text = line.trim();
    const left = old.get(text) ?? 0;
    if (before !== null && left > 0) old.set(text, left - 1);
    else if (text !== '') numbers.add(index + 1);
  }
  return numbers;
}

/** A part of a program as it is meant, whatever way it is written, with its first and last line. Texts are between « and ». */
export type Piece = { text: string; line: number; end: number; folded?: true };

/**
 * The program without comments and layout: escapes resolved, `a?.b` and `a['b']` as `a.b`, literals that are added up as one. A regular
 * expression is a text behind a slash.
 */
export function pieces(source: string, path: string): Piece[] {
  const made: Piece[] = [];
  for (const { type, value, line } of lex(source, path)) {
    if (/Comment$|^WhiteSpace$|^LineTerminatorSequence$/.test(type)) continue;
    const end = line + value.split(LINES).length - 1;
    // Between tags is prose, or code whose brackets were taken for tags.
    if (type === 'JSXText' && /[=;]/.test(value))
      for (const piece of pieces(value, '')) add(made, { ...piece, line: piece.line + line - 1, end });
    else for (const text of spelled(type, value)) add(made, { text, line, end });
  }
  return made;
}

function spelled(type: string, value: string): string[] {
  if (/^JSX(Text|Punctuator)$/.test(type)) return [type === 'JSXText' ? '«»' : value.replace('/', '')];
  if (/^RegularExp/.test(type)) return ['/', quoted(value.slice(1).replace(/\\[a-z]/gi, ' '))];
  if (/String/.test(type)) return [quoted(value.slice(1).replace(/["']$/, ''))];
  const inner = quoted(value.replace(/^[`}]|(`|\$\{)$/g, ''));
  if (type === 'NoSubstitutionTemplate') return [inner];
  if (type === 'TemplateHead') return [inner, '+'];
  if (type === 'TemplateMiddle') return ['+', inner, '+'];
  return type === 'TemplateTail' ? ['+', inner] : [unescaped(value)];
}

const quoted = (text: string) => `«${unescaped(text).replace(/[«»]/g, '')}»`;
const unescaped = (text: string) =>
  text.replace(
    /\\(?:u\{0*([0-9a-f]{1,6})\}|u([0-9a-f]{4})|x([0-9a-f]{2})|([0-7]{1,3})|(\r\n|[\s\S]))/gi,
    (_, point, unit, byte, octal, other: string) => {
      if (other !== undefined) return /[nrtbvf]/.test(other) ? ' ' : other.replace(LINES, '');
      const code =
        octal === undefined ? Number.parseInt(point ?? unit ?? byte, 16) : Number.parseInt(octal, 8);
      return code > 0x10ffff ? '' : String.fromCodePoint(code);
    },
  );

function add(made: Piece[], piece: Piece): void {
  const [object, before, last] = [made.at(-3), made.at(-2), made.at(-1)];
  const { text, end } = piece;
  if (text.startsWith('«') && last?.text === '+' && before?.text.startsWith('«')) {
    made.splice(-2, 2, {
      text: before.text.slice(0, -1) + text.slice(1),
      line: before.line,
      end,
      folded: true,
    });
  } else if (last?.text === '?.') {
    made.pop();
    made.push(...(/^[[(]/.test(text) ? [] : [{ ...last, text: '.' }]), piece);
  } else if (
    text === ']' &&
    before?.text === '[' &&
    last?.folded === undefined &&
    /^«[\w$]+»$/.test(last?.text ?? '') &&
    /[\w$)\]»]$/.test(object?.text ?? '')
  ) {
    made.splice(-2, 2, { ...before, text: '.' }, { ...before, end, text: last?.text.slice(1, -1) ?? '' });
  } else made.push(piece);
}
