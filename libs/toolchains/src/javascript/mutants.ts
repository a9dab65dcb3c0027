import type { Mutant } from '../toolchain.ts';
import { codeOf, type Lexed, newLines, sameCode } from './lexer.ts';

// Small faults in changed lines, as a careless hand would make them. What the tests do not notice of any of them they say nothing about.

const SWAPS: Readonly<Record<string, string>> = {
  ...{ '===': '!==', '!==': '===', '==': '!=', '!=': '==', '<=': '>', '>=': '<', '&&': '||', '||': '&&' },
  ...{ '??': '&&', '+': '-', '-': '+', '*': '/', '/': '*', '%': '*', '++': '--', '--': '++', '**': '*' },
  ...{ '+=': '-=', '-=': '+=', '*=': '/=', '||=': '&&=', '??=': '&&=' },
};
/** Not where they may be types or tags. */
const ANGLES: Readonly<Record<string, string>> = { '<': '>=', '>': '<=' };
const WORDS: Readonly<Record<string, string>> = { true: 'false', false: 'true' };
const A_LINE = 2;

/** What is most likely to be noticed comes first: a comparison before a number, a number before a message for people. */
const STRENGTH: readonly RegExp[] = [
  /^(===|!==|==|!=|<=|>=|<|>|&&|\|\|)$/,
  /^[-+*/%]+=?$/,
  /^(true|false|\d+)$/,
  /^\/./,
  /^\?\?/,
  /^\S*$/,
];
const strengthOf = (text: string) => {
  const at = STRENGTH.findIndex((pattern) => pattern.test(text));
  return at < 0 ? STRENGTH.length : at;
};

/**
 * At most two faults a changed line, none in an import; the strongest first. Where the change takes out lines, or has none that a fault fits, it is
 * the whole file as it was before.
 */
export function mutants(path: string, before: string | null, after: string): Mutant[] {
  const small = smallFaults(path, newLines(before, after), after);
  if (small.length > 0 || before === null || sameCode(path, before, after)) return small;
  const [line = 1] = [...newLines(before, after)];
  return [{ path, line, what: 'the file as it was', text: before }];
}

function smallFaults(path: string, changed: ReadonlySet<number>, after: string): Mutant[] {
  const tokens = codeOf(after, path);
  const made = new Map<number, (Mutant & { strength: number })[]>();
  const plain = /\.[cm]?js$/.test(path);
  for (const [index, token] of tokens.entries()) {
    const on = made.get(token.line) ?? [];
    if (!changed.has(token.line) || on.length >= A_LINE) continue;
    const becomes = faultOf(token, tokens[index - 1], tokens[index + 1], plain);
    if (becomes === null || inImport(tokens, index)) continue;
    const text = after.slice(0, token.at) + becomes + after.slice(token.at + token.value.length);
    made.set(token.line, [
      ...on,
      {
        path,
        line: token.line,
        what: `${short(token.value)} → ${short(becomes)}`,
        text,
        strength: strengthOf(token.value),
      },
    ]);
  }
  for (const line of changed) {
    const start = tokens.findIndex((token) => token.line === line);
    const left = start < 0 || (made.get(line)?.length ?? 0) > 0 ? null : leftOut(tokens, start);
    if (left === null) continue;
    const { token, put } = left;
    const text = after.slice(0, token.at) + put + after.slice(token.at);
    const what = `${short(token.value)} … → left out`;
    made.set(line, [{ path, line, what, text, strength: STRENGTH.length }]);
  }
  return [...made.values()]
    .flat()
    .sort((a, b) => a.strength - b.strength)
    .map(({ strength: _strength, ...mutant }) => mutant);
}

const short = (text: string) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

function faultOf(
  token: Lexed,
  before: Lexed | undefined,
  after: Lexed | undefined,
  plain: boolean,
): string | null {
  const { type, value } = token;
  if (type === 'Punctuator') return SWAPS[value] ?? (plain ? (ANGLES[value] ?? null) : null);
  if (type === 'IdentifierName' && before?.value !== '.' && after?.value !== ':') return WORDS[value] ?? null;
  if (type === 'NumericLiteral' && /^\d+$/.test(value) && value.length < 15) return String(Number(value) + 1);
  // A key, a directive or a module's name is no value.
  if (
    type === 'StringLiteral' &&
    after?.value !== ':' &&
    before !== undefined &&
    /^[(,=+?:[]$|^(return|case|=>|===|!==|\|\||\?\?)$/.test(before.value)
  )
    return value.length <= 2 ? "'mutated'" : `${value.slice(0, 1)}~${value.slice(1)}`;
  if (type === 'RegularExpressionLiteral') return '/$^/';
  return null;
}

/** What makes the line that begins at `start` do nothing, and still be a program: a value is none, a call or an assignment does not happen. */
function leftOut(tokens: readonly Lexed[], start: number): { token: Lexed; put: string } | null {
  const first = tokens[start];
  if (first?.type !== 'IdentifierName') return null;
  const on = tokens.slice(start).filter(({ line }) => line === first.line);
  const next = tokens[start + 1];
  if (first.value === 'return')
    return next?.line === first.line && !/^[;}]$/.test(next.value) && !isNoOperand(tokens, start + 1)
      ? { token: next, put: 'void ' }
      : null;
  const equals = on.findIndex(({ value }) => value === '=');
  const [value] = on.slice(equals + 1);
  if (/^(const|let|var)$/.test(first.value))
    return equals > 0 && value?.type === 'IdentifierName' && !isNoOperand(tokens, start + equals + 1)
      ? { token: value, put: 'void ' }
      : null;
  if (RESERVED.test(first.value) || !/^[;{}]$/.test(tokens[start - 1]?.value ?? ';')) return null;
  let at = start + 1;
  while (tokens[at]?.value === '.' && tokens[at + 1]?.type === 'IdentifierName') at += 2;
  // A name alone with `=` may be a field of a class, and a call with a body its method.
  const assigned = tokens[at]?.value === '=' && at > start + 1;
  const called = tokens[at]?.value === '(' && tokens[closing(tokens, at) + 1]?.value !== '{';
  return assigned || called ? { token: first, put: 'if (false) ' } : null;
}

const RESERVED =
  /^(if|for|while|do|switch|case|default|else|try|catch|finally|throw|function|class|import|export|require|async|static|get|set|new|typeof|super|type|interface|declare|enum|namespace)$/;

/** Where the bracket that opens at `at` is closed. */
function closing(tokens: readonly Lexed[], at: number): number {
  for (let i = at, depth = 0; i < tokens.length; i++) {
    if (tokens[i]?.value === '(') depth += 1;
    if (tokens[i]?.value === ')' && --depth === 0) return i;
  }
  return tokens.length;
}

/** What is no operand, a function, or loads a module. */
function isNoOperand(tokens: readonly Lexed[], at: number): boolean {
  const { value } = tokens[at] ?? { value: '' };
  const after = tokens[value === '(' ? closing(tokens, at) + 1 : at + 1]?.value;
  return /^(async|yield|require|import)$/.test(value) || after === '=>' || after === ':';
}

/** Whether a token belongs to what loads modules. */
function inImport(tokens: readonly Lexed[], index: number): boolean {
  const { line } = tokens[index] ?? { line: 0 };
  const first = tokens.findIndex((token) => token.line === line);
  if (tokens[first]?.value === 'import') return true;
  const [name, bracket] = [tokens[index - 2]?.value, tokens[index - 1]?.value];
  return (bracket === '(' && (name === 'require' || name === 'import')) || bracket === 'from';
}
