import jsTokens, { type Token } from 'js-tokens';

// Lines of a source file as a lexer sees them. js-tokens takes any text, JSX included, and fails on none.

export type Lexed = Token & { line: number; at: number };

/** Tokens with the line (from 1) and the offset at which each begins. */
function lex(text: string, path: string): Lexed[] {
  const tokens: Lexed[] = [];
  let line = 1;
  let at = 0;
  for (const token of jsTokens(text, { jsx: /\.[jt]sx$/.test(path) })) {
    tokens.push({ ...token, line, at });
    at += token.value.length;
    line += token.value.split(/\r\n|[\n\r\u2028\u2029]/).length - 1;
  }
  return tokens;
}

const NO_CODE = /^(WhiteSpace|LineTerminatorSequence|SingleLineComment|MultiLineComment)$/;

/** Tokens but for comments and what stands between. */
export const codeOf = (text: string, path: string): Lexed[] =>
  lex(text, path).filter(({ type }) => !NO_CODE.test(type));

/** Whether two texts are the same code, whatever their comments say. A line's end counts where it stands: it may end a statement. */
export function sameCode(path: string, before: string, after: string): boolean {
  const said = (text: string) =>
    codeOf(text, path).map(({ value, line }, index, all) =>
      index > 0 && line !== all[index - 1]?.line ? `\n${value}` : value,
    );
  const [old, now] = [said(before), said(after)];
  return old.length === now.length && old.every((one, index) => one === now[index]);
}

const LINES = /\r\n|[\n\r\u2028\u2029]/;

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
